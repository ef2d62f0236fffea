import { type Clock, systemClock } from '../lib/clock.ts'
import { ClockWatch } from './clock-watch.ts'
import { DAY_MS } from './constants.ts'
import { EntryCounts } from './entry-counts.ts'
import { createEpochMetrics, type EpochMetrics } from './epochs/metrics.ts'
import { createRegistryMetrics, type RegistryMetrics } from './metrics.ts'
import { NodeFeed } from './node-feed.ts'
import type { RegistryComponents, RegistryOptions } from './options.ts'
import { OwnLog, type OwnLogComponents } from './own-log.ts'
import { Presence } from './presence.ts'
import { RegistryReports } from './reports.ts'
import { StoreDisk } from './store/disk.ts'
import { DiskGuard } from './store/disk-guard.ts'
import { watchTrust } from './trust/metrics.ts'
import { createTrustPolicy } from './trust/policy.ts'
import type { DatabaseStatus, RegistryWriter, TrustPolicy } from './types.ts'
import { RecordView } from './view.ts'
import { WriteTurns } from './write-turns.ts'
import { createWriter } from './writer.ts'

/** What a registry consists of for as long as it exists, open or not. */
export interface RegistryParts {
  readonly clock: Clock
  readonly ttlMs: number
  readonly view: RecordView
  readonly writer: RegistryWriter
  readonly trust: TrustPolicy
  readonly metrics: RegistryMetrics
  readonly epochMetrics: EpochMetrics
  readonly reports: RegistryReports
  readonly counts: EntryCounts
  readonly presence: Presence
  readonly feed: NodeFeed
  readonly disk: StoreDisk
  readonly guard: DiskGuard
  readonly clockWatch: ClockWatch
  readonly turns: WriteTurns
  /** Writes whether or not there is room: for the work of epochs. */
  readonly ownLog: OwnLog
}

/** What the parts ask of an open registry. */
export interface OpenRegistry extends Pick<OwnLogComponents, 'databases' | 'publish'> {
  status(): DatabaseStatus[]
}

/** Makes the parts; none of them opens or starts anything. */
export function createRegistryParts(
  options: RegistryOptions,
  components: RegistryComponents,
  { status, databases, publish }: OpenRegistry,
): RegistryParts {
  const { directory, networkName, trustAuthorities: authorities = [] } = options
  const clock = components.clock ?? systemClock
  const ttlMs = options.nodeTtlDays * DAY_MS
  const ownPeerId = components.identity.peerId
  const lifetime = { ownPeerId, ttlMs }
  const metrics = createRegistryMetrics(components.metrics, {
    status,
    diskBytes: () => guard.bytes,
    admission: () => guard.admission,
  })
  const epochMetrics = createEpochMetrics(components.metrics, { status })
  const reports = new RegistryReports(components.logger, metrics)
  const guard: DiskGuard = new DiskGuard(
    { directory, limitBytes: options.limitBytes ?? null },
    { clock, heap: components.heap, ...reports.room },
  )
  const disk = new StoreDisk(
    { directory, retryMs: options.diskRetryMs ?? 5000 },
    { clock, ...reports.disk },
  )
  const presence = new Presence(lifetime, {
    clock,
    onError: (error) => reports.warn(error, 'presence not saved'),
  })
  const feed = new NodeFeed({
    ownPeerId,
    onListenerFailed: (error) => reports.warn(error, 'a listener for node records failed'),
  })
  const view = new RecordView(lifetime, {
    clock,
    lastSeenMs: (peerId) => presence.lastSeenMs(peerId),
    onDropped: epochMetrics.dropped,
  })
  const trust = createTrustPolicy({ authorities, ownPeerId }, { view })
  watchTrust(components.metrics, trust)
  const turns = new WriteTurns(metrics)
  const writing = { ownPeerId, view, clock }
  const ownLog = new OwnLog({ ...writing, databases, publish })
  // What the turn of an epoch writes is what lets the old one go: it needs no room to begin with.
  const whereRoomIs = () => {
    if (guard.failure !== null) throw guard.failure
    return databases()
  }
  const log = new OwnLog({ ...writing, databases: whereRoomIs, publish })
  return {
    clock,
    ttlMs,
    view,
    writer: createWriter(lifetime, { ...writing, turns, log, trust }),
    trust,
    metrics,
    epochMetrics,
    reports,
    counts: new EntryCounts(metrics),
    presence,
    feed,
    disk,
    guard,
    clockWatch: new ClockWatch(networkName, { ...components, clock }),
    turns,
    ownLog,
  }
}
