import type { Clock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { RegistryTransport } from '../network/types.ts'
import type { Presence } from './presence.ts'

const INTERVAL_MS = 60_000

/** Marks peers as seen when they come and go, and while they are here. @returns what ends it. */
export function watchPeers(
  transport: Pick<RegistryTransport, 'onPeer' | 'connectedPeers'>,
  presence: Pick<Presence, 'markSeen'>,
  clock: Clock,
): () => Promise<void> {
  const markConnected = () => {
    for (const peerId of transport.connectedPeers()) presence.markSeen(peerId)
  }
  const unwatch = transport.onPeer((peerId) => presence.markSeen(peerId))
  const loop = new Loop({
    name: 'seen-peers',
    intervalMs: INTERVAL_MS,
    isDelayed: true,
    clock,
    run: async () => markConnected(),
  })
  markConnected()
  loop.start()
  return async () => {
    unwatch()
    await loop.stop()
  }
}
