import type { Metrics } from '../../telemetry/index.ts'
import { byClass, isClientCircuit, isClientReservation } from './client-class.ts'
import type { RelayRequestKind, RelayStatus } from './types.ts'

/** The relay's metrics: one method for each business event. Reasons are codes of ours. */
export interface RelayMetrics {
  reserved(isRefresh: boolean): void
  reservationEnded(reason: string): void
  circuitOpened(): void
  circuitEnded(reason: string): void
  refused(request: RelayRequestKind, reason: string): void
  carried(direction: 'to_destination' | 'to_source', bytes: number): void
  bucketWaited(bucket: string, seconds: number): void
  graceGiven(): void
  hookAsked(outcome: 'allowed' | 'denied' | 'failed' | 'busy'): void
  auditSuppressed(): void
}

export function createRelayMetrics(metrics: Metrics): RelayMetrics {
  const reserved = metrics.counter({
    name: 'wesense_relay_reservations_granted_total',
    help: 'Reservations granted, new ones and refreshed ones',
    labels: ['kind'],
  })
  const unreserved = metrics.counter({
    name: 'wesense_relay_reservations_ended_total',
    help: 'Reservations that ended, by why',
    labels: ['reason'],
  })
  const opened = metrics.counter({
    name: 'wesense_relay_circuits_opened_total',
    help: 'Circuits opened',
  })
  const ended = metrics.counter({
    name: 'wesense_relay_circuits_ended_total',
    help: 'Circuits that ended, by why',
    labels: ['reason'],
  })
  const refused = metrics.counter({
    name: 'wesense_relay_refused_total',
    help: 'Requests refused, by what was asked for and why',
    labels: ['request', 'reason'],
  })
  const bytes = metrics.counter({
    name: 'wesense_relay_bytes_total',
    help: 'Bytes passed on, by direction',
    labels: ['direction'],
  })
  const waits = metrics.histogram({
    name: 'wesense_relay_bucket_wait_seconds',
    help: 'How long circuits waited for a token bucket',
    labels: ['bucket'],
    buckets: [0.01, 0.1, 1, 10],
  })
  const graces = metrics.counter({
    name: 'wesense_relay_grace_given_total',
    help: 'Newcomers that got a short time on the relay before they are known',
  })
  const hook = metrics.counter({
    name: 'wesense_relay_hook_requests_total',
    help: 'Questions to the HTTP hook, by how they ended',
    labels: ['outcome'],
  })
  const suppressed = metrics.counter({
    name: 'wesense_relay_audit_suppressed_total',
    help: 'Audit lines left out because one host, or all together, made too many',
  })
  return {
    reserved: (isRefresh) => reserved.inc({ kind: isRefresh ? 'refresh' : 'new' }),
    reservationEnded: (reason) => unreserved.inc({ reason }),
    circuitOpened: () => opened.inc(),
    circuitEnded: (reason) => ended.inc({ reason }),
    refused: (request, reason) => refused.inc({ request, reason }),
    carried: (direction, count) => bytes.inc({ direction }, count),
    bucketWaited: (bucket, seconds) => waits.observe({ bucket }, seconds),
    graceGiven: () => graces.inc(),
    hookAsked: (outcome) => hook.inc({ outcome }),
    auditSuppressed: () => suppressed.inc(),
  }
}

/**
 * The metrics that are read at each scrape. To be made before those that are counted: prom-client 15 reads
 * them in that order, and reading the status brings the bytes of open circuits up to date.
 */
export function createRelayGauges(metrics: Metrics, status: () => RelayStatus): void {
  const plain = (name: string, help: string, read: (status: RelayStatus) => number) =>
    metrics.gauge({ name, help, collect: (gauge) => gauge.set(read(status())) })
  plain(
    'wesense_relay_reservations',
    'Reservations held, but for those of thin clients',
    ({ reservations }) => byClass(reservations, isClientReservation).members,
  )
  plain(
    'wesense_relay_reservations_limit',
    'Reservations at which further ones are refused',
    ({ limits }) => limits.reservations.total,
  )
  plain(
    'wesense_relay_circuits',
    'Circuits open, but for those with a thin client at an end',
    ({ circuits }) => byClass(circuits, isClientCircuit).members,
  )
  plain(
    'wesense_relay_circuits_limit',
    'Circuits at which further ones are refused',
    ({ limits }) => limits.circuits.total,
  )
  plain(
    'wesense_relay_clients_reservations',
    'Reservations held by thin clients',
    ({ reservations }) => byClass(reservations, isClientReservation).clients,
  )
  plain(
    'wesense_relay_clients_reservations_limit',
    'Reservations of thin clients at which further ones are refused',
    ({ limits }) => limits.clients?.reservations.total ?? 0,
  )
  plain(
    'wesense_relay_clients_circuits',
    'Circuits open with a thin client at an end',
    ({ circuits }) => byClass(circuits, isClientCircuit).clients,
  )
  plain(
    'wesense_relay_clients_circuits_limit',
    'Circuits of thin clients at which further ones are refused',
    ({ limits }) => limits.clients?.circuits.total ?? 0,
  )
  plain(
    'wesense_relay_month_bytes',
    'Bytes passed on in this calendar month (UTC), kept over restarts',
    ({ monthBytes }) => monthBytes,
  )
  plain(
    'wesense_relay_quota_left_bytes',
    'Bytes left of the monthly quota; infinite without one',
    ({ limits, monthBytes }) =>
      limits.monthlyBytes === null
        ? Number.POSITIVE_INFINITY
        : Math.max(0, limits.monthlyBytes - monthBytes),
  )
}
