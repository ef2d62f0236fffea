import type { PeerId, PeerInfo } from '@libp2p/interface'
import { type KadDHT, type KadDHTComponents, kadDHT } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'

import { classOf } from './address-class.ts'
import { guardDhtRequests } from './guards/dht-requests.ts'
import type { HostLimits } from './limits.ts'
import type { NetworkMetrics } from './metrics.ts'

export interface DhtOptions {
  readonly protocol: string
  /** A public address is announced: then requests are served, and only public addresses given out. */
  readonly isPublic: boolean
  readonly limits: HostLimits
}

/** The library's DHT for peer routing alone: every other request is refused. */
export function createKadDht(
  options: DhtOptions,
  metrics: NetworkMetrics,
): (components: KadDHTComponents) => KadDHT {
  const { protocol, isPublic, limits } = options
  const create = kadDHT({
    ...limits.dht,
    protocol,
    clientMode: false,
    // Else a node that starts first would wait for peers inside its first query, without a limit.
    allowQueryWithZeroPeers: true,
    peerInfoMapper: isPublic ? withPublicAddresses : (peer) => peer,
  })
  return (components) => {
    const dht = create(components)
    guardDhtRequests(dht, limits.dhtRequests, metrics)
    return dht
  }
}

function withPublicAddresses(peer: PeerInfo): PeerInfo {
  const multiaddrs = peer.multiaddrs.filter((address) => {
    const addressClass = classOf(address)
    return addressClass === null || addressClass === 'public'
  })
  return { ...peer, multiaddrs }
}

/** A peer that the DHT told of; addresses are multiaddrs as the teller wrote them. */
export interface RoutedPeer {
  readonly peerId: string
  readonly addresses: readonly string[]
}

/** Peer routing over the private DHT. */
export class DhtService {
  readonly #dht: KadDHT
  readonly #isPublic: boolean

  constructor(dht: KadDHT, isPublic: boolean) {
    this.#dht = dht
    this.#isPublic = isPublic
  }

  get mode(): 'client' | 'server' {
    return this.#dht.getMode()
  }

  /** Peers in the routing table. */
  get size(): number {
    const { routingTable } = this.#dht as KadDHT & { routingTable?: { size: number } }
    return routingTable?.size ?? 0
  }

  /** @returns null when nobody knows the peer's addresses */
  async findPeer(peerId: string, signal: AbortSignal): Promise<RoutedPeer | null> {
    for await (const event of this.#dht.findPeer(peerIdFromString(peerId), { signal })) {
      if (event.name === 'FINAL_PEER') return routedPeer(event.peer)
    }
    return null
  }

  /** Walks towards a key and tells of every peer that is closest to it. */
  async *closestPeers(key: Uint8Array, signal: AbortSignal): AsyncGenerator<RoutedPeer> {
    for await (const event of this.#dht.getClosestPeers(key, { signal })) {
      if (event.name === 'FINAL_PEER') yield routedPeer(event.peer)
    }
  }

  /**
   * Serves requests or only asks: a node that others cannot reach must not fill their tables, but on
   * a network where nobody is public somebody has to serve.
   */
  async adapt(hasPublicPeer: boolean): Promise<void> {
    const mode = this.#isPublic || !hasPublicPeer ? 'server' : 'client'
    if (mode !== this.mode) await this.#dht.setMode(mode)
  }
}

function routedPeer(peer: { readonly id: PeerId; readonly multiaddrs: PeerInfo['multiaddrs'] }) {
  return { peerId: peer.id.toString(), addresses: peer.multiaddrs.map(String) }
}
