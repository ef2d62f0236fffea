import type { Metrics } from '../../../telemetry/index.ts'
import type { ReserveFailure } from './reserve.ts'

export type UpgradeOutcome = 'upgraded' | 'failed' | 'refused'
export type ReservationLoss = 'disconnected' | 'expired' | 'refused' | 'not-needed' | 'stopped'

/** One method for each thing that happens to a client of relays. */
export interface RelayClientMetrics {
  requested(outcome: 'reserved' | 'refreshed' | 'unreachable' | ReserveFailure): void
  lost(reason: ReservationLoss): void
  upgraded(outcome: UpgradeOutcome): void
}

export function createRelayClientMetrics(metrics: Metrics, held: () => number): RelayClientMetrics {
  const requests = metrics.counter({
    name: 'wesense_relay_client_requests_total',
    help: 'Reservations that this node asked relays for, by how that ended',
    labels: ['outcome'],
  })
  const losses = metrics.counter({
    name: 'wesense_relay_client_losses_total',
    help: 'Reservations of this node that ended, by reason',
    labels: ['reason'],
  })
  const upgrades = metrics.counter({
    name: 'wesense_relay_upgrades_total',
    help: 'Relayed connections that were to become direct, by how that ended',
    labels: ['outcome'],
  })
  metrics.gauge({
    name: 'wesense_relay_client_reservations',
    help: 'Relays that keep a place for this node',
    collect: (gauge) => gauge.set(held()),
  })
  return {
    requested: (outcome) => requests.inc({ outcome }),
    lost: (reason) => losses.inc({ reason }),
    upgraded: (outcome) => upgrades.inc({ outcome }),
  }
}
