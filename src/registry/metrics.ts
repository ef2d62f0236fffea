import type { Metrics } from '../telemetry/index.ts'
import { ADMISSIONS, type Admission } from './store/disk-limits.ts'
import type { DatabaseName, DatabaseStatus } from './types.ts'

/** What the registry counts. Labels are database names, reason codes and outcomes of ours only. */
export interface RegistryMetrics {
  entryJoined(database: DatabaseName, source: string): void
  entryRejected(database: DatabaseName, reason: string): void
  blockLost(database: DatabaseName, count: number): void
  write(database: DatabaseName, outcome: string): void
  /** @param seconds how long it took, for those that we began. */
  exchange(kind: 'heads' | 'log' | 'bitswap', outcome: string, seconds?: number): void
  /** A peer's whole answer brought so many entries that we lacked. */
  peerAhead(database: DatabaseName, entries: number): void
  /** An entry came by gossip and joined, so many seconds after its author wrote it. */
  gossipLag(database: DatabaseName, seconds: number): void
  gossipSkipped(database: DatabaseName, reason: string): void
  /** A peer did what no honest one does. */
  penalty(offence: string): void
}

/** Where gauges are read from at each scrape. */
export interface RegistryGauges {
  status(): readonly DatabaseStatus[]
  diskBytes(): number | null
  admission(): Admission
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
    help: 'Files of the registry on disk, looked up every 10 s',
    collect: (gauge) => {
      const bytes = gauges.diskBytes()
      if (bytes !== null) gauge.set({}, bytes)
    },
  })
  metrics.gauge({
    name: 'wesense_registry_admission',
    help: '1 for what is stored now: everything, entries of our own alone, or nothing',
    labels: ['state'],
    collect: (gauge) => {
      for (const state of ADMISSIONS) {
        gauge.set({ state }, gauges.admission() === state ? 1 : 0)
      }
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
  const exchangeTimes = metrics.histogram({
    name: 'wesense_registry_exchange_seconds',
    help: 'How long exchanges took that this station began and that ended well',
    labels: ['kind'],
    buckets: [0.01, 0.05, 0.2, 0.5, 1, 2, 5, 15, 60],
  })
  const ahead = metrics.histogram({
    name: 'wesense_registry_peer_ahead_entries',
    help: 'Log entries that one peer was found to have more, at each log transfer',
    labels: ['database'],
    buckets: [0, 1, 10, 100, 1000, 10_000],
  })
  const lag = metrics.histogram({
    name: 'wesense_registry_gossip_lag_seconds',
    help: "From the author's clock to the join here, for entries that came by gossip",
    labels: ['database'],
    buckets: [0.1, 0.5, 1, 5, 10, 60, 600],
  })
  const skipped = metrics.counter({
    name: 'wesense_registry_gossip_skipped_total',
    help: 'Gossip messages left to an exchange of heads because there were too many, by reason',
    labels: ['database', 'reason'],
  })
  const penalties = metrics.counter({
    name: 'wesense_registry_penalties_total',
    help: 'What peers did that no honest one does',
    labels: ['offence'],
  })
  return {
    entryJoined: (database, source) => joined.inc({ database, source }),
    entryRejected: (database, reason) => rejected.inc({ database, reason }),
    blockLost: (database, count) => lost.inc({ database }, count),
    write: (database, outcome) => writes.inc({ database, outcome }),
    exchange: (kind, outcome, seconds) => {
      exchanges.inc({ kind, outcome })
      if (seconds !== undefined && outcome === 'ok') exchangeTimes.observe({ kind }, seconds)
    },
    peerAhead: (database, entries) => ahead.observe({ database }, entries),
    // A clock that is ahead of ours makes no lag.
    gossipLag: (database, seconds) => lag.observe({ database }, Math.max(0, seconds)),
    gossipSkipped: (database, reason) => skipped.inc({ database, reason }),
    penalty: (offence) => penalties.inc({ offence }),
  }
}
