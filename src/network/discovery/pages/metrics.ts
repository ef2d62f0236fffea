import type { Metrics } from '../../../telemetry/index.ts'

/** What became of a record that a client told about itself. */
export type OwnRecordVerdict =
  | 'accepted'
  | 'stale'
  | 'invalid'
  | 'foreign'
  | 'elsewhere'
  | 'no_reservation'
/** Why a client's stream ended. */
export type PagesEnd = 'left' | 'replaced' | 'full' | 'requests' | 'malformed' | 'slow' | 'stopped'

/** One function for each thing that happens. */
export interface PagesMetrics {
  recordReceived(verdict: OwnRecordVerdict): void
  recordsTold(count: number): void
  streamEnded(reason: PagesEnd): void
}

export function createPagesMetrics(
  metrics: Metrics,
  readings: { readonly streams: () => number; readonly present: () => number },
): PagesMetrics {
  metrics.gauge({
    name: 'wesense_pages_streams',
    help: 'Clients that are told who else can be reached through this relay',
    collect: (gauge) => gauge.set(readings.streams()),
  })
  metrics.gauge({
    name: 'wesense_pages_present',
    help: 'Clients that others are told about',
    collect: (gauge) => gauge.set(readings.present()),
  })
  const records = metrics.counter({
    name: 'wesense_pages_records_received_total',
    help: 'Signed records that clients told about themselves, by what became of them',
    labels: ['verdict'],
  })
  const told = metrics.counter({
    name: 'wesense_pages_records_told_total',
    help: 'Records of clients that other clients were told',
  })
  const ends = metrics.counter({
    name: 'wesense_pages_streams_ended_total',
    help: 'Streams of clients that ended, by reason',
    labels: ['reason'],
  })
  return {
    recordReceived: (verdict) => records.inc({ verdict }),
    recordsTold: (count) => told.inc({}, count),
    streamEnded: (reason) => ends.inc({ reason }),
  }
}
