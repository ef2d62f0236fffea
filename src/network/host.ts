import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { systemClock } from '../lib/clock.ts'
import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import type { Logger } from '../telemetry/index.ts'
import { isPubliclyAnnounced } from './addresses.ts'
import { STOP_DEADLINE_MS } from './constants.ts'
import { followPeers } from './dht-follower.ts'
import { DhtService } from './dht-service.ts'
import type { DialPermits } from './dial-permits.ts'
import type { DialPolicy } from './dial-policy.ts'
import { ForeignPeers } from './foreign-peers.ts'
import { Gossip } from './gossip.ts'
import type { AddressQuota } from './guards/address-quota.ts'
import { guardGossip } from './guards/gossip-guards.ts'
import type { Handshakes } from './guards/handshakes.ts'
import type { ListenFailures } from './guards/listeners.ts'
import { boundPeerEntries } from './guards/peer-entries.ts'
import type { PlaceCounts, Places } from './guards/places.ts'
import type { HostAddresses } from './host-addresses.ts'
import { hostGauges } from './host-gauges.ts'
import type { HostLibp2p } from './host-libp2p.ts'
import type { HostOptions } from './host-options.ts'
import { HostUpkeep } from './host-upkeep.ts'
import { spareKnownProtocols } from './known-protocols.ts'
import type { NetworkGauges, NetworkMetrics } from './metrics.ts'
import { keepOwnWord } from './own-word.ts'
import type { PeerListener } from './peers.ts'
import type { Bans } from './penalties/bans.ts'
import type { PeerPenalties } from './penalties.ts'
import type { ProtocolNames } from './protocols.ts'
import type { PeerRole } from './role.ts'
import { tellRoundTrips } from './round-trips.ts'
import { createTransport } from './transport.ts'
import type { ConnectedPeer, RegistryTransport } from './types.ts'

/** What a host is made of, see `createHost`. */
export interface HostParts {
  readonly libp2p: HostLibp2p
  readonly addresses: HostAddresses
  readonly handshakes: Pick<Handshakes, 'count'>
  readonly places: Places
  readonly addressQuota: AddressQuota
  readonly dialPermits: DialPermits
  readonly bans: Bans
  readonly penalties: PeerPenalties
  /** Whether a peer is more than a stranger. */
  readonly isKnown: (peerId: string) => boolean
  readonly names: ProtocolNames
  readonly metrics: NetworkMetrics
  readonly listenFailures: ListenFailures
  readonly logger: Logger
}

export interface HostDialOptions {
  readonly signal?: AbortSignal
  /** A further connection beside one that is open. @default false */
  readonly force?: boolean
}

/**
 * One libp2p peer: listeners, connections, gossip and the private DHT. It dials nobody by itself, and
 * none of its parts does: `dial` is the only way to a connection of ours.
 */
export class Host {
  readonly peerId: string
  readonly names: ProtocolNames
  /** For the rest of `network/` only. */
  readonly libp2p: HostLibp2p
  readonly dialPolicy: DialPolicy
  readonly dialPermits: DialPermits
  /** What peers did to this node. */
  readonly standing: Pick<PeerPenalties, 'penaltyOf' | 'isShunned'>
  readonly bans: Bans
  /** Its own addresses, bound, configured and learned. */
  readonly addresses: HostAddresses
  readonly gossip: Gossip
  /** null when the DHT is off. */
  readonly dht: DhtService | null
  readonly transport: RegistryTransport
  /** Those who came to the wrong network. */
  readonly foreign: ForeignPeers
  readonly #parts: HostParts
  readonly #upkeep: HostUpkeep
  readonly #limits: HostOptions['limits']

  constructor(options: HostOptions, parts: HostParts) {
    const { libp2p, metrics, logger, names } = parts
    const { gossipsub, dht } = libp2p.services
    const connections = () => libp2p.getConnections()
    this.#parts = parts
    this.#limits = options.limits
    this.peerId = libp2p.peerId.toString()
    this.names = names
    this.libp2p = libp2p
    this.addresses = parts.addresses
    this.dialPolicy = parts.addresses.dialPolicy
    this.dialPermits = parts.dialPermits
    this.standing = parts.penalties
    this.bans = parts.bans
    this.gossip = new Gossip(gossipsub, { metrics, logger })
    guardGossip(gossipsub, options.limits, {
      isSubscribed: (topic) => this.gossip.isSubscribed(topic),
      isKnown: parts.isKnown,
      onDropped: metrics.gossipDropped,
      report: (peerId, offence, points) => parts.penalties.report(peerId, offence, points),
    })
    this.dht = dht === undefined ? null : new DhtService(dht, isPubliclyAnnounced(options.announce))
    const upkeep = new HostUpkeep(options, {
      libp2p,
      names,
      connections,
      isShunned: (peerId) => parts.penalties.isShunned(peerId),
      isKnown: parts.isKnown,
      logger,
      metrics,
    })
    this.#upkeep = upkeep
    const { streams } = options.limits
    this.transport = createTransport(streams, {
      libp2p,
      gossip: this.gossip,
      peers: upkeep.peers,
      isKnown: parts.isKnown,
      penalties: parts.penalties,
      logger,
    })
    this.foreign = new ForeignPeers(
      { names, hasNetworkKey: options.networkKey !== null },
      { events: libp2p, metrics, logger, clock: systemClock },
    )
    const { addressQuota, places } = parts
    places.watch(libp2p)
    if (!options.connectionMonitorEnabled) tellRoundTrips(libp2p)
    boundPeerEntries(libp2p.peerStore, libp2p.peerId)
    spareKnownProtocols({ peerStore: libp2p.peerStore, events: libp2p })
    keepOwnWord({ libp2p, addressQuota, dialPolicy: this.dialPolicy, logger })
    if (this.dht !== null) followPeers(this.dht, { peers: upkeep.peers, connections, logger })
  }

  /** @throws NetworkError PORT_IN_USE, LISTEN_FAILED */
  async start(): Promise<void> {
    const { libp2p, listenFailures, addresses } = this.#parts
    if (libp2p.status === 'started') return
    listenFailures.clear()
    await this.bans.start()
    try {
      await libp2p.start()
    } catch (error) {
      throw listenFailures.toError() ?? error
    }
    const failure = listenFailures.toError()
    if (failure !== null) {
      await this.stop()
      throw failure
    }
    addresses.refresh()
    this.foreign.start()
    this.#upkeep.start()
    this.#parts.places.start()
  }

  /** Bounded by three seconds; safe after a failed start. */
  async stop(): Promise<void> {
    const { libp2p, logger, places } = this.#parts
    this.foreign.stop()
    await places.stop()
    await this.#upkeep.stop()
    this.#upkeep.peers.beginStop()
    try {
      // A listener of libp2p 3.3 closes only when its last socket has.
      await withDeadline(async () => libp2p.stop(), { ms: STOP_DEADLINE_MS, label: 'host stop' })
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      logger.warn({ ms: error.ms }, 'Host did not close in time')
    } finally {
      this.#upkeep.peers.finishStop()
      await this.bans.stop()
    }
  }

  /** Bound multiaddrs, one for each interface; empty while stopped. */
  listenAddresses(): string[] {
    return this.#parts.addresses.listening().map(String)
  }

  /** What peers are told, without peer ID. */
  announceAddresses(): string[] {
    return this.#parts.addresses.announced().map(String)
  }

  peers(): ConnectedPeer[] {
    return this.#upkeep.peers.list()
  }

  /** What a peer with a direct connection is; null before identify. */
  roleOf(peerId: string): PeerRole | null {
    return this.#upkeep.peers.roleOf(peerId)
  }

  /** Waits until it is known what the peer is. @returns null when the signal is aborted first */
  identified(peerId: string, signal: AbortSignal): Promise<PeerRole | null> {
    return this.#upkeep.peers.identified(peerId, signal)
  }

  /** Whether there is a direct connection with a peer. */
  isConnected(peerId: string): boolean {
    return this.#upkeep.peers.isConnected(peerId)
  }

  /** Fires on a peer's first connection and on its last disconnection. Returns the unsubscriber. */
  onPeer(listener: PeerListener): () => void {
    return this.#upkeep.peers.onPeer(listener)
  }

  /**
   * Opens a connection to the first address that answers. @param addresses multiaddrs of one peer, all
   * with or all without its `/p2p`. @throws what libp2p throws
   */
  async dial(
    addresses: readonly (string | Multiaddr)[],
    options: HostDialOptions = {},
  ): Promise<Connection> {
    const targets = addresses.map((address) => multiaddr(address))
    const { libp2p, dialPermits } = this.#parts
    return dialPermits.during(targets, () => libp2p.dial(targets, options))
  }

  /** Ends every connection with a peer at once: it is kept out. */
  disconnect(peerId: string): void {
    for (const connection of this.libp2p.getConnections(peerIdFromString(peerId))) {
      this.#upkeep.peers.markBanned(connection)
      connection.abort(new Error('the peer is shunned'))
    }
  }

  /** Looks for lost gossip streams now instead of within a minute. */
  async healGossip(): Promise<void> {
    await this.#upkeep.healGossip()
  }

  /** How the places for connections are taken. */
  get places(): PlaceCounts {
    return this.#parts.places.counts
  }

  /** What is read at each scrape of the metrics. */
  gauges(): NetworkGauges {
    return hostGauges(this.libp2p, {
      limits: this.#limits,
      knownPeers: () => this.#upkeep.knownPeers,
      dhtPeers: () => this.dht?.size ?? 0,
      places: () => this.places,
      handshakes: () => this.#parts.handshakes.count,
    })
  }
}
