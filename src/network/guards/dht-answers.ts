import type { PeerId, PeerInfo } from '@libp2p/interface'

import { BoundedMap } from '../../lib/bounded-map.ts'
import { isFunction, isObject, libraryMember } from '../errors.ts'

export interface DhtAnswerLimits {
  readonly answerMaxAgeMs: number
  /** Peers remembered. */
  readonly maxPeers: number
}

interface Kept {
  readonly info: Promise<PeerInfo>
  readonly atMs: number
}

/**
 * Remembers for seconds what the peer store says about peers that answers name. @libp2p/kad-dht 16.4 reads
 * twenty peers for each answer, and @libp2p/peer-store 12 takes a lock and decodes all addresses for each: 3 ms
 * for a request of forty bytes. Can go when a read of the peer store costs next to nothing.
 * @param dht the service that `@libp2p/kad-dht` made
 */
export function keepAnswers(
  dht: object,
  { answerMaxAgeMs, maxPeers }: DhtAnswerLimits,
  now: () => number = () => performance.now(),
): void {
  const routing = libraryMember(dht, 'peerRouting', isObject)
  const components = libraryMember(routing, 'components', isObject)
  const peerStore = libraryMember(components, 'peerStore', isObject)
  const get = libraryMember(peerStore, 'get', isFunction)
  const getInfo = libraryMember(peerStore, 'getInfo', isFunction)
  const kept = new BoundedMap<string, Kept>({ limit: maxPeers })

  // Not with the request's own signal: others wait for the same answer.
  const read = (peer: PeerId): Promise<PeerInfo> => {
    const id = peer.toString()
    const known = kept.get(id)
    const nowMs = now()
    if (known !== undefined && nowMs - known.atMs < answerMaxAgeMs) return known.info
    const info: Promise<PeerInfo> = Reflect.apply(getInfo, peerStore, [peer])
    kept.set(id, { info, atMs: nowMs })
    return info
  }
  // Peer routing uses these two; own properties, because libp2p's components are a proxy.
  const store = { get: (...args: unknown[]) => Reflect.apply(get, peerStore, args), getInfo: read }
  Reflect.set(routing, 'components', Object.create(components, { peerStore: { value: store } }))
}
