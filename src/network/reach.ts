import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import type { Clock } from '../lib/clock.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import { isPubliclyAnnounced } from './addresses.ts'
import type { Dialer } from './dialer/dialer.ts'
import type { RelayedPort } from './dialer/relayed-dial.ts'
import type { Host } from './host.ts'
import type { NetworkOptions } from './network-options.ts'
import { AutonatClient, autonatProtocols } from './reachability/autonat-client.ts'
import { AutonatServer } from './reachability/autonat-server.ts'
import { createReachabilityPort } from './reachability/libp2p-reachability.ts'
import { createReachabilityMetrics } from './reachability/metrics.ts'
import { Reachability } from './reachability/reachability.ts'
import type { ReachabilityState } from './reachability/types.ts'
import {
  createClientPort,
  createRelayClientMetrics,
  type HeldReservation,
  type KnownRelay,
  RelayClient,
  tellAddresses,
  Upgrades,
} from './relay/client/index.ts'

/** How this node is reached, as far as is known. */
export interface ReachStatus {
  readonly state: ReachabilityState
  /** Whether `public` was seen, and not only announced. */
  readonly isProven: boolean
  /** Public addresses, not configured, that others were seen to reach. */
  readonly verified: readonly string[]
  /** Relays that keep a place for this node. */
  readonly relays: readonly HeldReservation[]
}

export interface ReachComponents {
  readonly host: Host
  readonly dialer: Dialer
  readonly relayed: RelayedPort
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly random: () => number
}

/** How others get to this node: directly, through relays, and from the one to the other. */
export class Reach {
  readonly #reachability: Reachability
  readonly #autonat: AutonatClient
  readonly #server: AutonatServer
  readonly #relays: RelayClient
  readonly #upgrades: Upgrades
  readonly #watch: () => () => void
  readonly #tellVerified: (addresses: readonly string[]) => void
  #unwatch: (() => void) | null = null

  constructor(options: NetworkOptions, components: ReachComponents) {
    const { host, dialer, relayed, clock, random } = components
    const logger = components.logger.child('reach')
    const limits = options.limits.streams
    const protocols = autonatProtocols(host.names.prefix)
    const metrics = createReachabilityMetrics(components.metrics, () => this.#reachability.state)
    const relayMetrics = createRelayClientMetrics(
      components.metrics,
      () => this.#relays.reservations.length,
    )
    this.#autonat = new AutonatClient(protocols, {
      libp2p: host.libp2p,
      transport: host.transport,
      limits,
    })
    this.#server = new AutonatServer(
      protocols,
      { isLocalServed: () => host.dialPolicy.isLoopbackWanted },
      { host, limits, metrics, logger, clock },
    )
    this.#tellVerified = (addresses) =>
      tellAddresses(host, { verified: toMultiaddrs(addresses) }, logger)
    const port = createReachabilityPort(
      { requestProtocol: protocols.request },
      { host, client: this.#autonat },
    )
    const { reachability = null, announce } = options
    const reachable: Reachability = new Reachability(
      { fixed: isPubliclyAnnounced(announce) ? 'public' : reachability },
      {
        port,
        metrics,
        logger,
        clock,
        random,
        onChanged: () => {
          this.#tellVerified(reachable.verified)
          this.#relays.wake()
        },
      },
    )
    this.#reachability = reachable
    this.#watch = () => port.watch(reachable)
    this.#relays = new RelayClient(
      {},
      {
        port: createClientPort({ host, dialer, logger }),
        isNeeded: () => reachable.needsRelay,
        metrics: relayMetrics,
        logger,
        clock,
        random,
      },
    )
    this.#upgrades = new Upgrades(
      { stationProtocol: host.names.identify },
      {
        libp2p: host.libp2p,
        relayed,
        dialer,
        permits: host.dialPermits,
        metrics: relayMetrics,
        logger,
        clock,
      },
    )
  }

  /** Serves and listens; asks nobody yet. Callable twice. */
  async start(): Promise<void> {
    if (this.#unwatch !== null) return
    this.#unwatch = this.#watch()
    this.#relays.listen()
    this.#upgrades.start()
    await this.#autonat.start()
    await this.#server.start()
  }

  /** Begins to ask peers and relays. Callable twice. */
  discover(): void {
    this.#reachability.start()
    this.#relays.start()
  }

  async stop(): Promise<void> {
    if (this.#unwatch === null) return
    this.#unwatch()
    this.#unwatch = null
    await this.#upgrades.stop()
    await this.#relays.stop()
    await this.#reachability.stop()
    this.#tellVerified([])
    await this.#server.stop()
    await this.#autonat.stop()
  }

  status(): ReachStatus {
    const { state, isProven, verified } = this.#reachability
    return { state, isProven, verified, relays: this.#relays.reservations }
  }

  noteRelay(relay: KnownRelay): void {
    this.#relays.noteRelay(relay)
  }

  /** Whether this node's reachability hangs on a peer. */
  dependsOn(peerId: string): boolean {
    return this.#relays.dependsOn(peerId)
  }
}

function toMultiaddrs(addresses: readonly string[]): Multiaddr[] {
  return addresses.map((address) => multiaddr(address))
}
