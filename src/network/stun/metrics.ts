import type { Metrics } from '../../telemetry/index.ts'
import type { StunRefusal } from './message.ts'

/** What became of a datagram. */
export type StunOutcome =
  | 'answered'
  | 'refused-attribute'
  | 'host-rate'
  | 'total-rate'
  | StunRefusal

export interface StunMetrics {
  request(outcome: StunOutcome): void
}

export function createStunMetrics(metrics: Metrics): StunMetrics {
  const requests = metrics.counter({
    name: 'wesense_stun_requests_total',
    help: 'Datagrams at the STUN port, by what became of them',
    labels: ['outcome'],
  })
  return { request: (outcome) => requests.inc({ outcome }) }
}
