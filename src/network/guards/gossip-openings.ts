import type { Connection, PeerId } from '@libp2p/interface'

import { isFunction, libraryMember } from '../errors.ts'

/** Service -> peers to whom a stream is being opened. */
const openings = new WeakMap<object, ReadonlyMap<string, unknown>>()

/** Whether a gossip stream to this peer is being opened. @param gossip the service, guarded before */
export function isGossipOpening(gossip: object, peerId: string): boolean {
  return openings.get(gossip)?.has(peerId) ?? false
}

/**
 * Opens gossip streams side by side. @libp2p/gossipsub 17.1 opens one after another, so that peers that
 * never answer hold up everybody who comes after them, each for as long as a negotiation may last. One at a
 * time for a peer, and of what is asked for meanwhile the latest: no more than there are peers.
 * Can go when the library does not wait for one peer before it turns to the next.
 * @param gossip the service that `@libp2p/gossipsub` made
 */
export function guardGossipOpenings(gossip: object): void {
  const open = libraryMember(gossip, 'createOutboundStream', isFunction)
  /** Peer -> the connection to try next, null for none. */
  const opening = new Map<string, (() => Promise<void>) | null>()
  openings.set(gossip, opening)

  const openFor = async (id: string, first: () => Promise<void>): Promise<void> => {
    for (let next: (() => Promise<void>) | null = first; next !== null; ) {
      opening.set(id, null)
      await next().catch(() => {})
      next = opening.get(id) ?? null
    }
    opening.delete(id)
  }

  Reflect.set(
    gossip,
    'createOutboundStream',
    async (peer: PeerId, connection: Connection): Promise<void> => {
      const id = peer.toString()
      const attempt = async () => {
        await Reflect.apply(open, gossip, [peer, connection])
      }
      if (opening.has(id)) opening.set(id, attempt)
      else void openFor(id, attempt)
    },
  )
}
