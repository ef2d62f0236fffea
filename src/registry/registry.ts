import { mkdir } from 'node:fs/promises'

import { databaseStatus } from './database-status.ts'
import { createEpochs } from './epochs/create-epochs.ts'
import { createEpochWriter } from './epochs/epoch-writer.ts'
import type { Epochs } from './epochs/epochs.ts'
import type { RegistryComponents, RegistryOptions } from './options.ts'
import { createRegistryParts, type RegistryParts } from './registry-parts.ts'
import { createReplicator } from './replication/create-replicator.ts'
import type { Replicator } from './replication/replicator.ts'
import { watchPeers } from './seen-peers.ts'
import { LiveSnapshots } from './snapshot/live.ts'
import { recoverIndex } from './snapshot/recover-index.ts'
import { StopSteps } from './stop-steps.ts'
import { BlockStore } from './store/block-store.ts'
import type {
  AnnouncedNode,
  DatabaseStatus,
  NodeRecord,
  RegistryRecord,
  RegistryService,
  RegistryWriter,
  TrustPolicy,
} from './types.ts'
import type { RecordView } from './view.ts'

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
  readonly #parts: RegistryParts
  readonly #snapshots = new LiveSnapshots()
  readonly #steps: StopSteps
  #epochs: Epochs | null = null
  #replicator: Replicator | null = null
  #isOpen = false
  #transition: Promise<void> = Promise.resolve()

  constructor(options: RegistryOptions, components: RegistryComponents) {
    this.#options = options
    this.#components = components
    this.#parts = createRegistryParts(options, components, {
      status: () => this.status(),
      databases: () => (this.#isOpen ? (this.#epochs?.databases ?? null) : null),
      publish: (database, judged) => this.#replicator?.publish(database, judged.bytes),
    })
    const { reports, view, writer, trust } = this.#parts
    this.view = view
    this.writer = writer
    this.trust = trust
    this.#steps = new StopSteps((error) =>
      reports.warn(error, 'a part of the registry did not stop in order'),
    )
  }

  get isReady(): boolean {
    return this.problem === null
  }

  get problem(): string | null {
    if (!this.#isOpen) return 'the registry is not open'
    const { disk, guard } = this.#parts
    return (disk.failure ?? guard.failure)?.message ?? null
  }

  get clockProblem(): string | null {
    return this.#parts.clockWatch.problem
  }

  get notice(): string | null {
    return this.#parts.guard.notice
  }

  get diskBytes(): number | null {
    return this.#parts.guard.bytes
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
    return databaseStatus(this.view, this.#parts.counts, this.#epochs)
  }

  onNodeRecord(listener: (node: AnnouncedNode) => void): () => void {
    return this.#parts.feed.listen(listener)
  }

  *announcedNodes(): Generator<AnnouncedNode> {
    for (const record of this.view.list<NodeRecord>('nodes')) {
      const node = this.#parts.feed.toAnnounced(record)
      if (node !== null) yield node
    }
  }

  markSeen(peerId: string): void {
    this.#parts.presence.markSeen(peerId)
  }

  async entryBytes(hash: string): Promise<Uint8Array | null> {
    return (await this.#epochs?.read(hash))?.entry ?? null
  }

  async entriesOf(hashes: readonly string[]): Promise<(Uint8Array | null)[]> {
    return (await this.#epochs?.readMany(hashes)) ?? hashes.map(() => null)
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const { networkName } = this.#options
    return this.#snapshots.take(
      { networkName, timeMs: this.#parts.clock.now() },
      this.#components.identity,
      this.#isOpen ? (this.#epochs?.all ?? null) : null,
    )
  }

  async #open(): Promise<void> {
    const { disk, guard, presence, reports, clockWatch, clock } = this.#parts
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 })
    this.#steps.push('stores', () => disk.close())
    await disk.open()
    await this.#recoverIndex()
    this.#steps.push('disk guard', () => guard.stop())
    await guard.start()
    this.#steps.push('presence', () => presence.stop())
    await presence.start(disk.logs)
    const blocks = new BlockStore({
      level: disk.blocks,
      onDamaged: (hash) => reports.damaged(hash),
    })
    const epochs = this.#createEpochs(blocks)
    this.#epochs = epochs
    this.#steps.push('databases', () => epochs.close())
    await epochs.open()
    await this.trust.settle()
    this.#isOpen = true
    const replicator = await this.#startReplication(blocks)
    this.#steps.push('epochs', () => epochs.stop())
    await epochs.start(replicator)
    this.#steps.push('clock watch', () => clockWatch.stop())
    clockWatch.start()
    this.#steps.push('seen peers', watchPeers(this.#components.transport, presence, clock))
  }

  #createEpochs(blocks: BlockStore): Epochs {
    const { identity, logger } = this.#components
    const { directory, networkName } = this.#options
    const { view, clock, turns, ownLog, counts, feed, reports, ttlMs } = this.#parts
    const shared = { identity, view, logger, clock }
    return createEpochs(
      { directory, networkName, ttlMs },
      {
        ...shared,
        blocks,
        logs: this.#parts.disk.logs,
        room: this.#parts.guard,
        trust: this.trust,
        writer: createEpochWriter({ ...shared, turns, log: ownLog }),
        metrics: this.#parts.epochMetrics,
        onJoined: (name, source) => counts.countJoined(name, source),
        onCurrent: (record) => {
          if (record.database === 'nodes') feed.tell(record as RegistryRecord<NodeRecord>)
        },
        onLost: (name, hashes) => reports.lost(name, hashes),
        onError: (error) => reports.warn(error, 'the work of an epoch is tried again'),
      },
    )
  }

  async #startReplication(blocks: BlockStore): Promise<Replicator> {
    const { clockWatch, view, metrics, clock, counts } = this.#parts
    const replicator = await createReplicator(this.#options, {
      ...this.#components,
      transport: clockWatch.transport,
      blocks,
      view,
      metrics,
      clock,
      steps: this.#steps,
      onRejected: (database, reason) => counts.countRejected(database.options.name, reason),
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
    const recovery = await recoverIndex({ networkName }, this.#parts.disk)
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
