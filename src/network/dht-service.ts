import { type Connection, isPeerId, type PeerInfo } from '@libp2p/interface'
import { type KadDHT, type KadDHTComponents, kadDHT } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'

import { classOf } from './address-class.ts'
import { addressText } from './dialer/dial-address.ts'
import { isFunction, isObject, libraryMember, NetworkError } from './errors.ts'
import { guardDhtReplies } from './guards/dht-replies.ts'
import { guardDhtRequests } from './guards/dht-requests.ts'
import type { HostLimits } from './limits.ts'
import type { NetworkMetrics } from './metrics.ts'
import { ping } from './ping.ts'

/** Peers taken from one reply: a bucket holds no more. */
const REPLY_LIMIT = 20

export interface DhtOptions {
  readonly protocol: string
  /** With which peers are asked whether they are there before they get into the table. */
  readonly pingProtocol: string
  /** A public address is announced: then requests are served, and only public addresses given out. */
  readonly isPublic: boolean
  readonly limits: HostLimits
}

/**
 * The library's DHT for peer routing alone: every other request is refused.
 * @param report adds points to a peer that floods
 * @param isKnown whether a peer is more than a stranger
 */
export function createKadDht(
  options: DhtOptions,
  metrics: NetworkMetrics,
  report: (peerId: string, offence: string, points: number) => void = () => {},
  isKnown: (peerId: string) => boolean = () => false,
): (components: KadDHTComponents) => KadDHT {
  const { protocol, isPublic, limits } = options
  const create = kadDHT({
    ...limits.dht,
    protocol,
    clientMode: false,
    // Else a node that starts first would wait for peers inside its first query: @libp2p/kad-dht 16.4 gives that one
    // no limit. Can go when it does.
    allowQueryWithZeroPeers: true,
    peerInfoMapper: isPublic ? withPublicAddresses : (peer) => peer,
  })
  return (components) => {
    const dht = create(withoutDials(components, options))
    guardDhtRequests(dht, limits.dhtRequests, { metrics, report, isKnown })
    guardDhtReplies(dht, limits.dhtReplies)
    return dht
  }
}

/**
 * The library's parts with which a DHT reaches connected peers only. @libp2p/kad-dht 16.4 opens a
 * connection to whomever a reply names, to ask it in turn and to see whether it belongs into the table:
 * in a small network every node would soon be connected to every other, and strangers would choose whom
 * we dial. Here a walk asks the peers that are connected, proposes those that they name, and goes on
 * through the ones that the dialer connected. Can go when kad-dht takes a policy for its dials.
 */
function withoutDials(
  components: KadDHTComponents,
  { pingProtocol, limits }: DhtOptions,
): KadDHTComponents {
  const { connectionManager } = components
  const connectionTo = (peer: unknown): Connection => {
    const connections = isPeerId(peer) ? connectionManager.getConnections(peer) : []
    const open = connections.find((one) => one.status === 'open' && one.limits === undefined)
    if (open !== undefined) return open
    throw new NetworkError('NOT_CONNECTED', 'the DHT asks connected peers only')
  }
  const openStream: typeof connectionManager.openStream = async (peer, protocol, options) =>
    connectionTo(peer).newStream(protocol, options)
  // Asked about peers that a reply names, before they are queried: none is, so that no name that a
  // stranger wrote is looked up either.
  const isDialable: typeof connectionManager.isDialable = async () => false
  const pingConnected: KadDHTComponents['ping']['ping'] = async (peer, options) =>
    ping(connectionTo(peer), {
      protocol: pingProtocol,
      timeoutMs: limits.ping.timeout,
      signal: options?.signal,
    })
  // Own properties: libp2p's components are a proxy, and an assignment would end up in it.
  return Object.create(components, {
    connectionManager: { value: { openStream, isDialable } },
    ping: { value: { ping: pingConnected } },
  })
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

  /**
   * Asks the connected peers that are closest to a key, and tells of every peer that a reply names, in
   * any order, repeats included.
   */
  async *closestPeers(key: Uint8Array, signal: AbortSignal): AsyncGenerator<RoutedPeer> {
    for await (const event of this.#dht.getClosestPeers(key, { signal })) {
      if (event.name === 'PEER_RESPONSE') yield* event.closer.slice(0, REPLY_LIMIT).map(routedPeer)
    }
  }

  /** Takes a peer that left out of the table: it can be asked nothing, nor vouched for. */
  async forget(peerId: string): Promise<void> {
    const table = libraryMember(this.#dht, 'routingTable', isObject)
    const remove = libraryMember(table, 'remove', isFunction)
    await Reflect.apply(remove, table, [peerIdFromString(peerId)])
  }

  /**
   * Serves requests or only asks: a node that others cannot reach must not fill their tables, but on
   * a network where nobody is public somebody has to serve.
   * @param hasPublicPeer asked only where it matters: it looks at every connection
   */
  async adapt(hasPublicPeer: () => boolean): Promise<void> {
    const mode = this.#isPublic || !hasPublicPeer() ? 'server' : 'client'
    if (mode !== this.mode) await this.#dht.setMode(mode)
  }
}

/** An address without a text is left out: what one peer wrote must not end a walk. */
function routedPeer({ id, multiaddrs }: Pick<PeerInfo, 'id' | 'multiaddrs'>): RoutedPeer {
  const addresses = multiaddrs.map(addressText).filter((text) => text !== null)
  return { peerId: id.toString(), addresses }
}
