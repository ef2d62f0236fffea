/**
 * The station's network: one libp2p host, the sources that find other stations, and the dialer that
 * decides. The only importer of libp2p.
 * Must not know: the registry, the HTTP API, settings' names.
 * Invariants: nothing but the dialer dials; sources only propose; every remote's bytes are parsed and
 * bounded before they count; no libp2p type leaves except the host that Helia is given.
 */
export type { NameResolver } from './discovery/name-resolver.ts'
export { DEFAULT_LIBP2P_PORT, type SeedValue, seedMultiaddr } from './discovery/seed-value.ts'
export { type HostLimits, hostLimits } from './limits.ts'
export { createNetwork } from './network.ts'
export type { NetworkOptions } from './network-options.ts'
export type { NetworkService, NetworkStatus } from './network-service.ts'
export { byClass, isClientCircuit, isClientReservation } from './relay/client-class.ts'
export type { RelayOptions } from './relay/index.ts'
export type { RelayMembers, RelayPolicyOptions } from './relay/policy/types.ts'
export type {
  RelayClassLimits,
  RelayClient,
  RelayLimits,
  RelayReport,
  RelayStatus,
} from './relay/types.ts'
export type { StunStatus } from './stun/server.ts'
