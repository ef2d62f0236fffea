import { mkdir } from 'node:fs/promises'

import { type Clock, systemClock } from '../lib/clock.ts'
import { DAY_MS } from './constants.ts'
import { databaseStatus } from './database-status.ts'
import { EntryCounts } from './entry-counts.ts'
import { createEpochs } from './epochs/create-epochs.ts'
import { createEpochWriter } from './epochs/epoch-writer.ts'
import type { Epochs } from './epochs/epochs.ts'
import { createEpochMetrics, type EpochMetrics } from './epochs/metrics.ts'
import { createRegistryMetrics, type RegistryMetrics } from './metrics.ts'
import { NodeFeed } from './node-feed.ts'
import type { RegistryComponents, RegistryOptions } from './options.ts'
import { OwnLog } from './own-log.ts'
import { Presence } from './presence.ts'
import { createReplicator } from './replication/create-replicator.ts'
import type { Replicator } from './replication/replicator.ts'
import { RegistryReports } from './reports.ts'
import { watchPeers } from './seen-peers.ts'
import { LiveSnapshots } from './snapshot/live.ts'
import { recoverIndex } from './snapshot/recover-index.ts'
import { StopSteps } from './stop-steps.ts'
import { BlockStore } from './store/block-store.ts'
import { StoreDisk } from './store/disk.ts'
import { StoreSize } from './store/store-size.ts'
import { watchTrust } from './trust/metrics.ts'
import { createTrustPolicy } from './trust/policy.ts'
import type {
  AnnouncedNode,
  DatabaseStatus,
  NodeRecord,
  RegistryRecord,
  RegistryService,
  RegistryWriter,
  TrustPolicy,
} from './types.ts'
import { RecordView } from './view.ts'
import { WriteTurns } from './write-turns.ts'
import { createWriter } from './writer.ts'

/** Makes the registry; nothing is opened before `start()`. */
export function createRegistry(
  options: RegistryOptions,
  components: RegistryComponents,
): RegistryService {
  return new Registry(options, components)
}

class Registry implements RegistryService {
  readonly view: RecordView
  readonly writer: RegistryWriter
  readonly trust: TrustPolicy
  readonly #options: RegistryOptions
  readonly #components: RegistryComponents
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #metrics: RegistryMetrics
  readonly #reports: RegistryReports
  readonly #epochMetrics: EpochMetrics
  readonly #presence: Presence
  readonly #feed: NodeFeed
  readonly #counts: EntryCounts
  readonly #disk: StoreDisk
  readonly #size: StoreSize
  readonly #turns: WriteTurns
  readonly #ownLog: OwnLog
  readonly #snapshots = new LiveSnapshots()
  readonly #steps = new StopSteps((error) =>
    this.#reports.warn(error, 'a part of the registry did not stop in order'),
  )
  #epochs: Epochs | null = null
  #replicator: Replicator | null = null
  #isOpen = false
  #transition: Promise<void> = Promise.resolve()

  constructor(options: RegistryOptions, components: RegistryComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    const clock = this.#clock
    this.#ttlMs = options.nodeTtlDays * DAY_MS
    this.#size = new StoreSize(options.directory, clock)
    this.#metrics = createRegistryMetrics(components.metrics, {
      status: () => this.status(),
      diskBytes: () => this.diskBytes,
    })
    this.#reports = new RegistryReports(components.logger, this.#metrics)
    this.#epochMetrics = createEpochMetrics(components.metrics, { status: () => this.status() })
    this.#counts = new EntryCounts(this.#metrics)
    const ownPeerId = components.identity.peerId
    this.#feed = new NodeFeed({
      ownPeerId,
      onListenerFailed: (error) => this.#reports.warn(error, 'a listener for node records failed'),
    })
    const lifetime = { ownPeerId, ttlMs: this.#ttlMs }
    this.#presence = new Presence(lifetime, {
      clock,
      onError: (error) => this.#reports.warn(error, 'presence not saved'),
    })
    this.#disk = new StoreDisk(
      { directory: options.directory, retryMs: options.diskRetryMs ?? 5000 },
      { clock, ...this.#reports.disk },
    )
    this.view = new RecordView(lifetime, {
      clock,
      lastSeenMs: (peerId) => this.#presence.lastSeenMs(peerId),
    })
    const authorities = options.trustAuthorities ?? []
    this.trust = createTrustPolicy({ authorities, ownPeerId }, { view: this.view })
    watchTrust(components.metrics, this.trust)
    this.#turns = new WriteTurns(this.#metrics)
    this.#ownLog = new OwnLog({
      ownPeerId,
      view: this.view,
      clock,
      databases: () => (this.#isOpen ? (this.#epochs?.databases ?? null) : null),
      publish: (database, judged) => this.#replicator?.publish(database, judged.bytes),
    })
    const writing = { view: this.view, clock, turns: this.#turns, log: this.#ownLog }
    this.writer = createWriter(lifetime, { ...writing, trust: this.trust })
  }

  get isReady(): boolean {
    return this.problem === null
  }

  get problem(): string | null {
    if (!this.#isOpen) return 'the registry is not open'
    return this.#disk.failure?.message ?? null
  }

  get diskBytes(): number | null {
    return this.#size.bytes
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#steps.isEmpty) return
      try {
        await this.#open()
      } catch (error) {
        await this.#unwind()
        throw error
      }
    })
  }

  stop(): Promise<void> {
    return this.#inTurn(() => this.#unwind())
  }

  status(): DatabaseStatus[] {
    return databaseStatus(this.view, this.#counts, this.#epochs)
  }

  onNodeRecord(listener: (node: AnnouncedNode) => void): () => void {
    return this.#feed.listen(listener)
  }

  *announcedNodes(): Generator<AnnouncedNode> {
    for (const record of this.view.list<NodeRecord>('nodes')) {
      const node = this.#feed.toAnnounced(record)
      if (node !== null) yield node
    }
  }

  markSeen(peerId: string): void {
    this.#presence.markSeen(peerId)
  }

  async entryBytes(hash: string): Promise<Uint8Array | null> {
    return (await this.#epochs?.read(hash))?.entry ?? null
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const { networkName } = this.#options
    return this.#snapshots.take(
      { networkName, timeMs: this.#clock.now() },
      this.#components.identity,
      this.#epochs?.all ?? [],
    )
  }

  async #open(): Promise<void> {
    const { transport } = this.#components
    const { directory } = this.#options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const disk = this.#disk
    this.#steps.push('stores', () => disk.close())
    await disk.open()
    await this.#recoverIndex()
    this.#steps.push('store size', () => this.#size.stop())
    this.#size.start()
    this.#steps.push('presence', () => this.#presence.stop())
    await this.#presence.start(disk.logs)
    const blocks = new BlockStore({
      level: disk.blocks,
      onDamaged: (hash) => this.#reports.damaged(hash),
    })
    const epochs = this.#createEpochs(blocks)
    this.#epochs = epochs
    this.#steps.push('databases', () => epochs.close())
    await epochs.open()
    this.#isOpen = true
    const replicator = await this.#startReplication(blocks)
    this.#steps.push('epochs', () => epochs.stop())
    await epochs.start(replicator)
    this.#steps.push('seen peers', watchPeers(transport, this.#presence, this.#clock))
  }

  #createEpochs(blocks: BlockStore): Epochs {
    const { identity, logger } = this.#components
    const { directory, networkName } = this.#options
    const shared = { identity, view: this.view, logger, clock: this.#clock }
    return createEpochs(
      { directory, networkName, ttlMs: this.#ttlMs },
      {
        ...shared,
        blocks,
        logs: this.#disk.logs,
        writer: createEpochWriter({ ...shared, turns: this.#turns, log: this.#ownLog }),
        metrics: this.#epochMetrics,
        onJoined: (name, source) => this.#counts.countJoined(name, source),
        onCurrent: (record) => {
          if (record.database === 'nodes') this.#feed.tell(record as RegistryRecord<NodeRecord>)
        },
        onLost: (name, hashes) => this.#reports.lost(name, hashes),
        onError: (error) => this.#reports.warn(error, 'the work of an epoch is tried again'),
      },
    )
  }

  async #startReplication(blocks: BlockStore): Promise<Replicator> {
    const replicator = await createReplicator(this.#options, {
      ...this.#components,
      blocks,
      metrics: this.#metrics,
      clock: this.#clock,
      steps: this.#steps,
      onRejected: (database, reason) => this.#counts.countRejected(database.options.name, reason),
    })
    this.#replicator = replicator
    this.#steps.push('replication', () => replicator.stop())
    await replicator.start()
    return replicator
  }

  async #unwind(): Promise<void> {
    this.#isOpen = false
    await this.#steps.unwind()
    this.#replicator = null
    this.#epochs = null
    this.view.clear()
  }

  /** The index may have been lost, or part of it, while the blocks are still here. */
  async #recoverIndex(): Promise<void> {
    const { networkName } = this.#options
    const recovery = await recoverIndex({ networkName }, this.#disk)
    // A station that has no entries yet has no index, and blocks: the manifests of its logs.
    if (recovery === null || (recovery.logs.size === 0 && recovery.isWhole)) return
    this.#components.logger.warn(
      { entries: Object.fromEntries(recovery.logs), isWhole: recovery.isWhole },
      'the index was damaged or gone; what the blocks still hold was listed again',
    )
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#transition.then(work)
    this.#transition = turn.catch(() => {})
    return turn
  }
}
