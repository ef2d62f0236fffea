import type { Clock } from '../../../lib/clock.ts'
import { withDeadline } from '../../../lib/deadline.ts'
import { lifetimeOf } from '../../../wire/reservation-lifetime.ts'
import { RESERVE_DEADLINE_MS } from './constants.ts'
import { addressesThrough } from './relay-addresses.ts'
import { ReserveError, reserve } from './reserve.ts'
import type { HeldReservation, RelayClientPort } from './types.ts'

/** A reservation, and when it is to be asked for again. */
export interface Held extends HeldReservation {
  readonly refreshAtMs: number
}

export interface AskComponents {
  readonly port: RelayClientPort
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Asks a connected relay for a place, or for more time in the one that it keeps, and makes of its answer
 * what this node goes by. @throws ReserveError; DeadlineError; the signal's reason
 */
export async function ask(
  peerId: string,
  { port, clock, random }: AskComponents,
  signal: AbortSignal,
): Promise<Held> {
  const limits = { ms: RESERVE_DEADLINE_MS, label: 'reservation', signal }
  const granted = await withDeadline((inner) => reserve(port.transport, peerId, inner), limits)
  const connection = port.connectionTo(peerId)
  if (connection === null) throw new ReserveError('not-connected')
  const addresses = addressesThrough({
    peerId,
    dialledAddress: connection.isOutbound ? connection.address : null,
    told: granted.addresses,
    isDialable: (address) => port.isDialable(address),
  })
  if (addresses.length === 0) throw new ReserveError('no-address')
  const nowMs = clock.now()
  const { expiresAtMs, refreshAtMs } = lifetimeOf(granted.expireSeconds, nowMs, random)
  return { relayPeerId: peerId, addresses, reservedAtMs: nowMs, expiresAtMs, refreshAtMs }
}
