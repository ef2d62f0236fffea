/**
 * The relay role: `hop/` takes requests and keeps reservations, `circuits/` carries bytes, `policy/` decides who
 * may, `client/` is the other side of it, for a station behind NAT; `events.ts` tells of it all.
 * Must not know: the registry and settings, whose word comes in as values and as `RelayMembers`.
 * Invariants: nobody is dialled on a client's behalf; a circuit ends at a peer that holds a reservation and
 * is connected by itself; whatever a remote sends, nothing here grows beyond its limit.
 */
export { createRelay } from './create-relay.ts'
export { type HopComponents, HopService } from './hop/hop-service.ts'
export type { RelayOptions } from './options.ts'
export type { Relay } from './relay.ts'
