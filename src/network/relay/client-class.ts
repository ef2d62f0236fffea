import type { RelayClassLimits, RelayLimits, ReservationStatus } from './types.ts'

/** Of all places: members keep the rest whatever clients do. */
const CLIENT_SHARE = 0.25
/** Pages behind one address: an office, a household's tabs. */
const PER_HOST = 16
const PER_SUBNET = 32
/** A page that is closed or loaded anew never comes back under its old name. */
const GRACE_MS = 5_000
/** Agreeing on a direct way takes 20 KiB and seconds; the rest is for those who get none. */
const DURATION_SECONDS = 2 * 60
const BYTES_PER_DIRECTION = 262_144
/** Eight pages of one address that all link with each other have 28 at a time. */
const CIRCUITS_PER_HOST = 32

/** Gives thin clients a share of the places that is theirs alone; with fewer than four places there is none. */
export function withClientShare(limits: RelayLimits): RelayLimits {
  const { reservations, circuits } = limits
  const places = Math.floor(reservations.total * CLIENT_SHARE)
  const links = Math.floor(circuits.total * CLIENT_SHARE)
  if (places === 0 || links === 0) return limits
  const clients: RelayClassLimits = {
    reservations: {
      total: places,
      perHost: PER_HOST,
      perSubnet: PER_SUBNET,
      graceMs: Math.min(GRACE_MS, reservations.graceMs),
    },
    circuits: {
      total: links,
      perSource: circuits.perSource,
      // Both classes may lead to one peer, and its connection carries twice a member's share.
      perDestination: Math.max(1, Math.floor(circuits.perDestination / 2)),
      perHost: Math.max(CIRCUITS_PER_HOST, Math.floor(links * CLIENT_SHARE)),
      durationSeconds: Math.min(DURATION_SECONDS, circuits.durationSeconds),
      bytesPerDirection: Math.min(BYTES_PER_DIRECTION, circuits.bytesPerDirection),
    },
  }
  return {
    ...limits,
    reservations: { ...reservations, total: reservations.total - places },
    circuits: { ...circuits, total: circuits.total - links },
    clients,
  }
}

/** Circuits that a relay with these limits leads to one peer at a time, of both classes. */
export function mostCircuitsToOne(limits: RelayLimits): number {
  const { circuits, clients } = withClientShare(limits)
  return circuits.perDestination + (clients?.circuits.perDestination ?? 0)
}

/** What a circuit may carry, by its class. */
export function circuitLimits(limits: RelayLimits, isClients: boolean): RelayLimits['circuits'] {
  const { circuits, clients } = limits
  return isClients && clients !== undefined ? { ...circuits, ...clients.circuits } : circuits
}

interface Ends {
  readonly source: { readonly class?: 'client' }
  readonly destination: { readonly class?: 'client' }
}

/** A circuit is a client's when either of its ends is one. */
export function isClientCircuit({ source, destination }: Ends): boolean {
  return source.class === 'client' || destination.class === 'client'
}

export function isClientReservation({ client }: Pick<ReservationStatus, 'client'>): boolean {
  return client.class === 'client'
}

/** Of what is listed, members' and clients'. */
export function byClass<T>(all: readonly T[], isClients: (one: T) => boolean) {
  const clients = all.filter(isClients).length
  return { members: all.length - clients, clients }
}
