import type { Metrics } from '../telemetry/index.ts'
import type { DatabaseName, DatabaseStatus } from './types.ts'

/** What the registry counts. Labels are database names, reason codes and outcomes of ours only. */
export interface RegistryMetrics {
  entryJoined(database: DatabaseName, source: string): void
  entryRejected(database: DatabaseName, reason: string): void
  blockLost(database: DatabaseName, count: number): void
  write(database: DatabaseName, outcome: string): void
  exchange(kind: 'heads' | 'log' | 'bitswap', outcome: string): void
}

/** Where gauges are read from at each scrape. */
export interface RegistryGauges {
  status(): readonly DatabaseStatus[]
  diskBytes(): number | null
}

export function createRegistryMetrics(metrics: Metrics, gauges: RegistryGauges): RegistryMetrics {
  metrics.gauge({
    name: 'wesense_registry_records',
    help: 'Current records held per database, unlisted ones included',
    labels: ['database'],
    collect: (gauge) => {
      for (const { name, records } of gauges.status()) gauge.set({ database: name }, records)
    },
  })
  metrics.gauge({
    name: 'wesense_registry_heads',
    help: 'Heads of each log: entries that no later entry links to',
    labels: ['database'],
    collect: (gauge) => {
      for (const { name, heads } of gauges.status()) gauge.set({ database: name }, heads)
    },
  })
  metrics.gauge({
    name: 'wesense_registry_disk_bytes',
    help: 'Files of the registry on disk, looked up every minute',
    collect: (gauge) => {
      const bytes = gauges.diskBytes()
      if (bytes !== null) gauge.set({}, bytes)
    },
  })
  const joined = metrics.counter({
    name: 'wesense_registry_entries_joined_total',
    help: 'Log entries that became part of a log, by how they arrived',
    labels: ['database', 'source'],
  })
  const rejected = metrics.counter({
    name: 'wesense_registry_entry_rejections_total',
    help: 'Log entries from peers that broke a rule, by reason',
    labels: ['database', 'reason'],
  })
  const lost = metrics.counter({
    name: 'wesense_registry_lost_blocks_total',
    help: 'Log entries whose block was missing or damaged on disk',
    labels: ['database'],
  })
  const writes = metrics.counter({
    name: 'wesense_registry_writes_total',
    help: 'Puts and deletes by this station, by outcome',
    labels: ['database', 'outcome'],
  })
  const exchanges = metrics.counter({
    name: 'wesense_registry_exchanges_total',
    help: 'Head exchanges and log transfers with peers, by outcome',
    labels: ['kind', 'outcome'],
  })
  return {
    entryJoined: (database, source) => joined.inc({ database, source }),
    entryRejected: (database, reason) => rejected.inc({ database, reason }),
    blockLost: (database, count) => lost.inc({ database }, count),
    write: (database, outcome) => writes.inc({ database, outcome }),
    exchange: (kind, outcome) => exchanges.inc({ kind, outcome }),
  }
}
