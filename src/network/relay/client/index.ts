/**
 * A station that others reach through a relay: which relays it holds a place with, and how relayed
 * connections become direct ones.
 * Must not know: the hop's own limits and policy; registry records.
 * Invariants: nothing but the dialer dials; a relay's and a peer's words are bounded before they count; a
 * relayed connection carries identify, ping and DCUtR, and nothing of the registry.
 */
export { createClientPort, tellAddresses } from './libp2p-client-port.ts'
export { createRelayClientMetrics } from './metrics.ts'
export type { KnownRelay } from './relay-book.ts'
export { RelayClient } from './relay-client.ts'
export type { HeldReservation } from './types.ts'
export { Upgrades } from './upgrades.ts'
