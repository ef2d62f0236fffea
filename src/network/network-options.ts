import type { Clock } from '../lib/clock.ts'
import type { NameResolver } from './discovery/name-resolver.ts'
import type { SeedValue } from './discovery/seed-value.ts'
import type { HostComponents, HostOptions } from './host-options.ts'
import type { RelayOptions } from './relay/index.ts'
import type { RelayMembers } from './relay/policy/types.ts'

/** Where candidates come from, besides seeds and the address book. Each source can be off: null. */
export interface DiscoveryOptions {
  readonly mdns: {
    /** UDP port, the same on every station of the LAN. @default 5354 */
    readonly port?: number
    /** Between two questions, ms. @default 20000 */
    readonly intervalMs?: number
  } | null
  /** Off also means that no DHT request is served. */
  readonly dht: {
    /** Between walks while peers are wanted, ms. @default 30000 */
    readonly intervalMs?: number
    /** Between walks otherwise, ms. @default 600000 */
    readonly slowIntervalMs?: number
  } | null
  readonly peerExchange: {
    /** Between rounds, ms; newly connected stations are asked at once. @default 300000 */
    readonly intervalMs?: number
  } | null
  /** Off: `propose` takes nothing. */
  readonly registry: Readonly<Record<never, never>> | null
}

export interface NetworkOptions
  extends Omit<HostOptions, 'dht' | 'relay' | 'discoveryModules' | 'livenessCheckMs'> {
  /** Carry traffic for others; null: no relay. */
  readonly relay: RelayOptions | null
  /** Tell browsers the address that they are seen from, on a UDP port (0: any). @default null: not served */
  readonly stun?: { readonly port: number } | null
  readonly seeds: readonly SeedValue[]
  /** Where a seed without a port listens. @default 4002 */
  readonly defaultSeedPort?: number
  /** Stations to stay connected to; a publicly announced node wants 4 at most. */
  readonly targetPeers: number
  readonly discovery: DiscoveryOptions
  /**
   * Whether others can connect to this node, where somebody knows; a public `announce` says so by itself.
   * @default null: found out by asking peers
   */
  readonly reachability?: 'public' | 'private' | null
  /** JSON file of peers that were reached; null keeps them in memory. */
  readonly addressBookPath: string | null
  /** JSON file of those who are kept out; null keeps them in memory. @default null */
  readonly bansPath?: string | null
  /** Peer IDs that the operator wrote somewhere: they find a place when strangers fill the rest. @default none */
  readonly namedPeers?: readonly string[]
}

export interface NetworkComponents extends Omit<HostComponents, 'lookupName' | 'standingOf'> {
  /** What the registry says of peers: who may use the relay, and who finds a place. @default nobody is known */
  readonly relayMembers?: RelayMembers
  /** @default systemClock */
  readonly clock?: Clock
  /** @default the system's */
  readonly resolver?: NameResolver
  /** 0..1. @default Math.random */
  readonly random?: () => number
}
