import { peerIdFromString } from '@libp2p/peer-id'

import type { Host } from '../host.ts'
import { isRelayed, newestDirect } from '../relay/hop/client-source.ts'
import type { Reached } from './dial-port.ts'
import type { RelayedPort } from './relayed-dial.ts'

const CLOSE_MS = 2000

/** Relayed dials on the real host. */
export function createRelayedPort(host: Host): RelayedPort {
  const connectionsOf = (peerId: string) => host.libp2p.getConnections(peerIdFromString(peerId))
  const reachedOf = (peerId: string): Reached | null => {
    const direct = newestDirect(connectionsOf(peerId))
    return direct === null ? null : { peerId, address: direct.remoteAddr.toString() }
  }
  return {
    isConnected: (peerId) => reachedOf(peerId) !== null,
    dialRelayed: async (address, signal) => void (await host.dial([address], { signal })),
    whenDirect: async (peerId, ms, signal) => {
      const { promise, resolve } = Promise.withResolvers<Reached | null>()
      const settle = () => {
        const reached = reachedOf(peerId)
        if (reached !== null) resolve(reached)
      }
      const unsubscribe = host.onPeer((id) => {
        if (id === peerId) settle()
      })
      const onEnd = () => resolve(null)
      const timer = setTimeout(onEnd, ms)
      signal.addEventListener('abort', onEnd, { once: true })
      settle()
      if (signal.aborted) onEnd()
      try {
        return await promise
      } finally {
        unsubscribe()
        clearTimeout(timer)
        signal.removeEventListener('abort', onEnd)
      }
    },
    hangUpRelayed: async (peerId) => {
      const relayed = connectionsOf(peerId).filter(isRelayed)
      await Promise.all(
        relayed.map((connection) =>
          connection.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((error: Error) => {
            connection.abort(error)
          }),
        ),
      )
    },
  }
}
