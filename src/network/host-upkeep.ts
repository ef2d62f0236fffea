import type { Connection } from '@libp2p/interface'

import type { Logger } from '../telemetry/index.ts'
import { GossipHealer } from './gossip-healer.ts'
import type { HostLibp2p } from './host-libp2p.ts'
import type { HostOptions } from './host-options.ts'
import { ConnectionReaper } from './liveness.ts'
import type { NetworkMetrics } from './metrics.ts'
import { PeerStoreCap } from './peer-store-cap.ts'
import { PeerTracker } from './peers.ts'
import type { ProtocolNames } from './protocols.ts'
import { SupersededConnections } from './superseded.ts'

export interface HostUpkeepComponents {
  readonly libp2p: HostLibp2p
  readonly names: ProtocolNames
  readonly connections: () => Connection[]
  readonly isShunned: (peerId: string) => boolean
  readonly isKnown: (peerId: string) => boolean
  readonly logger: Logger
  readonly metrics: NetworkMetrics
}

/**
 * Keeps what libp2p lets go to seed: connections that are dead or replaced are ended, gossip's lost streams
 * come back, and the peer store stays within its bound.
 */
export class HostUpkeep {
  /** Who is connected. */
  readonly peers: PeerTracker
  readonly #reaper: ConnectionReaper
  readonly #healer: GossipHealer
  readonly #superseded: SupersededConnections
  readonly #peerStoreCap: PeerStoreCap

  constructor(options: HostOptions, components: HostUpkeepComponents) {
    const { libp2p, names, connections, isShunned, logger, metrics } = components
    const { gossipsub } = libp2p.services
    this.peers = new PeerTracker({
      events: libp2p,
      names,
      logger,
      metrics,
      isKnown: components.isKnown,
    })
    const onDead = (connection: Connection) => this.peers.markDead(connection)
    this.#reaper = new ConnectionReaper(livenessOptions(options), {
      connections,
      metrics,
      logger,
      onDead,
    })
    this.#healer = new GossipHealer(
      {},
      { gossipsub, peerStore: libp2p.peerStore, connections, metrics },
    )
    this.#superseded = new SupersededConnections(
      { pingProtocol: names.ping },
      { events: libp2p, onDead, onClosed: () => this.#healer.wake() },
    )
    this.#peerStoreCap = new PeerStoreCap(
      { self: libp2p.peerId.toString(), maxPeers: options.limits.knownPeers.maxPeers },
      {
        peerStore: libp2p.peerStore,
        events: libp2p,
        isConnected: (id) => this.peers.isConnected(id),
        isShunned,
        logger,
        metrics,
      },
    )
  }

  /** Peers in the peer store. */
  get knownPeers(): number {
    return this.#peerStoreCap.count
  }

  /** Once libp2p has started. Callable twice. */
  start(): void {
    this.#reaper.start()
    this.#healer.start()
    this.#superseded.start()
  }

  /** Callable twice. */
  async stop(): Promise<void> {
    this.#superseded.stop()
    await Promise.all([this.#reaper.stop(), this.#healer.stop()])
  }

  /** Looks for lost gossip streams now instead of within a minute. */
  async healGossip(): Promise<void> {
    await this.#healer.heal()
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
