import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import type { Logger } from '../telemetry/index.ts'
import { hasIpv6, isPubliclyAnnounced, listenMultiaddrs } from './addresses.ts'
import { STOP_DEADLINE_MS } from './constants.ts'
import { followPeers } from './dht-follower.ts'
import { DhtService } from './dht-service.ts'
import { DialPermits } from './dial-permits.ts'
import type { DialPolicy } from './dial-policy.ts'
import { createGater } from './gater.ts'
import { Gossip } from './gossip.ts'
import { GossipHealer } from './gossip-healer.ts'
import { AddressQuota } from './guards/address-quota.ts'
import { guardGossipRpc } from './guards/gossip-rpc.ts'
import { InboundCaps } from './guards/inbound-caps.ts'
import { ListenFailures } from './guards/listeners.ts'
import { HostAddresses } from './host-addresses.ts'
import { hostGauges } from './host-gauges.ts'
import { createHostLibp2p, type HostLibp2p } from './host-libp2p.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import { ConnectionReaper } from './liveness.ts'
import {
  createNetworkGauges,
  createNetworkMetrics,
  type NetworkGauges,
  type NetworkMetrics,
} from './metrics.ts'
import { keepOwnWord } from './own-word.ts'
import { PeerStoreCap } from './peer-store-cap.ts'
import { type PeerListener, PeerTracker } from './peers.ts'
import { PeerPenalties } from './penalties.ts'
import { type ProtocolNames, protocolNames } from './protocols.ts'
import { createTransport } from './transport.ts'
import type { ConnectedPeer, RegistryTransport } from './types.ts'

/**
 * Builds the host, not started.
 * @throws NetworkError BAD_ADDRESS for a listen host that is no IP; LISTEN_FAILED; LIBRARY_CHANGED
 */
export async function createHost(options: HostOptions, components: HostComponents): Promise<Host> {
  const { limits } = options
  const names = protocolNames(options.networkName)
  const metrics = createNetworkMetrics(components.metrics)
  const addresses = new HostAddresses(options, components)
  const { dialPolicy } = addresses
  const dialPermits = new DialPermits()
  const listenFailures = new ListenFailures()
  const addressQuota = new AddressQuota({
    perPeer: limits.knownPeers.maxAddressesPerPeer,
    peers: limits.knownPeers.maxPeers,
    idleMs: limits.knownPeers.addressIdleMs,
  })
  const penalties = new PeerPenalties({
    metrics,
    logger: components.logger,
    hangUp: (peerId) => host.disconnect(peerId),
  })
  const gater = createGater({
    peerId: components.identity.peerId,
    dialPolicy,
    dialPermits,
    inboundCaps: new InboundCaps(limits.inboundCaps, () => dialPolicy.isLoopbackWanted),
    addressQuota,
    penalties,
    metrics,
    lookupName: components.lookupName,
  })
  const { appSpecificScore = () => 0 } = components
  const libp2p = await createHostLibp2p(options, components, {
    addresses,
    names,
    metrics,
    listenFailures,
    gater,
    listen: listenMultiaddrs(options.listen, await hasIpv6()),
    appSpecificScore: (peerId) => appSpecificScore(peerId) + penalties.gossipScoreOf(peerId),
  })
  const host: Host = new Host(options, {
    libp2p,
    addresses,
    addressQuota,
    dialPermits,
    penalties,
    names,
    metrics,
    listenFailures,
    logger: components.logger,
  })
  createNetworkGauges(components.metrics, host.gauges())
  return host
}

interface HostParts {
  readonly libp2p: HostLibp2p
  readonly addresses: HostAddresses
  readonly addressQuota: AddressQuota
  readonly dialPermits: DialPermits
  readonly penalties: PeerPenalties
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
  readonly gossip: Gossip
  /** null when the DHT is off. */
  readonly dht: DhtService | null
  readonly transport: RegistryTransport
  readonly #parts: HostParts
  readonly #peers: PeerTracker
  readonly #reaper: ConnectionReaper
  readonly #healer: GossipHealer
  readonly #peerStoreCap: PeerStoreCap
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
    this.dialPolicy = parts.addresses.dialPolicy
    this.gossip = new Gossip(gossipsub, { metrics, logger })
    guardGossipRpc(gossipsub, (topic) => this.gossip.isSubscribed(topic), metrics.gossipDropped)
    this.dht = dht === undefined ? null : new DhtService(dht, isPubliclyAnnounced(options.announce))
    this.#peers = new PeerTracker({
      events: libp2p,
      identifyProtocol: names.identify,
      logger,
      metrics,
    })
    this.#reaper = new ConnectionReaper(livenessOptions(options), {
      connections,
      metrics,
      logger,
      onDead: (connection) => this.#peers.markDead(connection),
    })
    this.#healer = new GossipHealer(
      {},
      { gossipsub, peerStore: libp2p.peerStore, connections, metrics },
    )
    this.#peerStoreCap = new PeerStoreCap(
      { self: this.peerId, maxPeers: options.limits.knownPeers.maxPeers },
      {
        peerStore: libp2p.peerStore,
        events: libp2p,
        isConnected: (id) => this.#peers.isConnected(id),
        logger,
        metrics,
      },
    )
    const { streams } = options.limits
    this.transport = createTransport(streams, {
      libp2p,
      gossip: this.gossip,
      peers: this.#peers,
      penalties: parts.penalties,
      logger,
    })
    const { addressQuota } = parts
    keepOwnWord({ libp2p, addressQuota, dialPolicy: this.dialPolicy, logger })
    if (this.dht !== null) followPeers(this.dht, { peers: this.#peers, connections, logger })
  }

  /** @throws NetworkError PORT_IN_USE, LISTEN_FAILED */
  async start(): Promise<void> {
    const { libp2p, listenFailures, addresses } = this.#parts
    if (libp2p.status === 'started') return
    listenFailures.clear()
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
    this.#reaper.start()
    this.#healer.start()
  }

  /** Bounded by three seconds; safe after a failed start. */
  async stop(): Promise<void> {
    const { libp2p, logger } = this.#parts
    await Promise.all([this.#reaper.stop(), this.#healer.stop()])
    this.#peers.beginStop()
    try {
      // A listener of libp2p 3.3 closes only when its last socket has.
      await withDeadline(async () => libp2p.stop(), { ms: STOP_DEADLINE_MS, label: 'host stop' })
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      logger.warn({ ms: error.ms }, 'Host did not close in time')
    } finally {
      this.#peers.finishStop()
    }
  }

  /** Bound multiaddrs, one for each interface; empty while stopped. */
  listenAddresses(): string[] {
    return this.#parts.addresses.bound().map(String)
  }

  /** What peers are told, without peer ID. */
  announceAddresses(): string[] {
    return this.#parts.addresses.announced().map(String)
  }

  peers(): ConnectedPeer[] {
    return this.#peers.list()
  }

  /** Fires on a peer's first connection and on its last disconnection. Returns the unsubscriber. */
  onPeer(listener: PeerListener): () => void {
    return this.#peers.onPeer(listener)
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

  /** Ends every connection with a peer at once. */
  disconnect(peerId: string): void {
    for (const connection of this.libp2p.getConnections(peerIdFromString(peerId))) {
      connection.abort(new Error('the peer is shunned'))
    }
  }

  /** Looks for lost gossip streams now instead of within a minute. */
  async healGossip(): Promise<void> {
    await this.#healer.heal()
  }

  /** What is read at each scrape of the metrics. */
  gauges(): NetworkGauges {
    return hostGauges(this.libp2p, {
      limits: this.#limits,
      knownPeers: () => this.#peerStoreCap.count,
      dhtPeers: () => this.dht?.size ?? 0,
    })
  }
}

function livenessOptions({ limits, livenessCheckMs }: HostOptions) {
  const { pingInterval, pingTimeout } = limits.connectionMonitor
  return {
    pingIntervalMs: pingInterval,
    pingTimeoutMs: pingTimeout.minTimeout,
    checkIntervalMs: livenessCheckMs,
  }
}
