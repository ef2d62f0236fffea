import type { Metrics } from '../../telemetry/index.ts'
import type { DatabaseName, DatabaseStatus } from '../types.ts'

/** What the turns of epochs count. */
export interface EpochMetrics {
  republished(database: DatabaseName): void
  carried(): void
  closed(): void
  dropped(database: DatabaseName): void
}

/** Where gauges are read from at each scrape. */
export interface EpochGauges {
  status(): readonly DatabaseStatus[]
}

/** @param gauges of the open epochs; labels are ages, not numbers, which have no end. */
export function createEpochMetrics(metrics: Metrics, gauges: EpochGauges): EpochMetrics {
  metrics.gauge({
    name: 'wesense_registry_epoch',
    help: 'Number of the epoch that is written to',
    collect: (gauge) => {
      const [first] = gauges.status()
      if (first !== undefined) gauge.set({}, first.epoch)
    },
  })
  metrics.gauge({
    name: 'wesense_registry_log_entries',
    help: 'Log entries of open epochs, per database and age of the epoch',
    labels: ['database', 'epoch'],
    collect: (gauge) => {
      for (const { database, age, entries } of byAge(gauges)) {
        gauge.set({ database, epoch: age }, entries)
      }
    },
  })
  metrics.gauge({
    name: 'wesense_registry_log_bytes',
    help: 'Bytes of the log entries of open epochs, per database and age of the epoch',
    labels: ['database', 'epoch'],
    collect: (gauge) => {
      for (const { database, age, bytes } of byAge(gauges)) {
        gauge.set({ database, epoch: age }, bytes)
      }
    },
  })
  const republished = metrics.counter({
    name: 'wesense_registry_republished_total',
    help: 'Own records that were written to a new epoch',
    labels: ['database'],
  })
  const carried = metrics.counter({
    name: 'wesense_registry_carried_total',
    help: 'Revocations of absent authors that were carried into a new epoch by this station',
  })
  const closed = metrics.counter({
    name: 'wesense_registry_epochs_closed_total',
    help: 'Epochs whose logs were deleted',
  })
  const dropped = metrics.counter({
    name: 'wesense_registry_keys_dropped_total',
    help: 'Records that are not shown because their author has more than are kept of one',
    labels: ['database'],
  })
  return {
    dropped: (database) => dropped.inc({ database }),
    republished: (database) => republished.inc({ database }),
    carried: () => carried.inc({}),
    closed: () => closed.inc({}),
  }
}

const AGES = ['older', 'previous', 'current', 'next'] as const

interface AgeSum {
  readonly database: DatabaseName
  readonly age: (typeof AGES)[number]
  readonly entries: number
  readonly bytes: number
}

function byAge(gauges: EpochGauges): AgeSum[] {
  return gauges.status().flatMap(({ name: database, epoch, logs }) =>
    AGES.map((age) => {
      const ofAge = logs.filter((log) => ageOf(log.epoch - epoch) === age)
      return {
        database,
        age,
        entries: ofAge.reduce((sum, log) => sum + log.entries, 0),
        bytes: ofAge.reduce((sum, log) => sum + log.bytes, 0),
      }
    }),
  )
}

function ageOf(distance: number): (typeof AGES)[number] {
  if (distance === 0) return 'current'
  if (distance > 0) return 'next'
  return distance === -1 ? 'previous' : 'older'
}
