import type { PeerStore } from '@libp2p/interface'

import { BoundedMap } from '../lib/bounded-map.ts'
import type { PeerEvents } from './peers.ts'

/** Stations of one version speak the same protocols: a list of them is kept once for all. */
const LISTS_LIMIT = 256

export interface KnownProtocolsComponents {
  readonly peerStore: PeerStore
  readonly events: PeerEvents
}

/**
 * Spares the peer store what it knows. libp2p 3.3 tells it the protocol of every stream, in and out, before
 * the stream is used: a lock, an entry read, decoded, encoded and written, for a list that identify had
 * complete. A newcomer opens some thirty streams within a second. Can go when libp2p asks first. Lives as
 * long as libp2p, and keeps one reference for each connected peer.
 */
export function spareKnownProtocols({ peerStore, events }: KnownProtocolsComponents): void {
  const lists = new BoundedMap<string, ReadonlySet<string>>({ limit: LISTS_LIMIT })
  const known = new Map<string, ReadonlySet<string>>()
  events.addEventListener('peer:update', ({ detail: { peer } }) => {
    if (events.getConnections(peer.id).length === 0) return
    const key = [...peer.protocols].sort().join('\n')
    const list = lists.get(key) ?? new Set(peer.protocols)
    lists.set(key, list)
    known.set(peer.id.toString(), list)
  })
  // Whoever is not connected may be forgotten by the store.
  events.addEventListener('peer:disconnect', ({ detail }) => known.delete(detail.toString()))
  const merge = peerStore.merge.bind(peerStore)
  const spare = async (...told: Parameters<PeerStore['merge']>): Promise<unknown> => {
    const [peerId, data] = told
    const { protocols = [], ...rest } = data
    const list = Object.keys(rest).length === 0 ? known.get(peerId.toString()) : undefined
    // Nobody reads the answer of a merge of protocols alone.
    if (list !== undefined && protocols.every((one) => list.has(one))) return undefined
    return merge(...told)
  }
  Reflect.set(peerStore, 'merge', spare)
}
