import { mkdir } from 'node:fs/promises'

import { type Clock, systemClock } from '../lib/clock.ts'
import { withDeadline } from '../lib/deadline.ts'
import { Loop } from '../lib/loop.ts'
import { DAY_MS } from './constants.ts'
import { EntryCounts } from './entry-counts.ts'
import { RegistryError } from './errors.ts'
import { createRegistryMetrics, type RegistryMetrics } from './metrics.ts'
import { NodeFeed } from './node-feed.ts'
import type { RegistryComponents, RegistryOptions } from './options.ts'
import { Presence } from './presence.ts'
import { DATABASE_NAMES } from './records/index.ts'
import { Replicator } from './replication/replicator.ts'
import { describe } from './replication/stream-errors.ts'
import { BlockStore } from './store/block-store.ts'
import type { EntrySource } from './store/database.ts'
import { type Databases, openDatabases } from './store/databases.ts'
import { StoreDisk } from './store/disk.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import { StoreSize } from './store/store-size.ts'
import type {
  AnnouncedNode,
  DatabaseName,
  DatabaseStatus,
  NodeRecord,
  RegistryRecord,
  RegistryService,
  RegistryWriter,
} from './types.ts'
import { RecordView } from './view.ts'
import { createWriter } from './writer.ts'

/** Seven steps: all of `stop()` ends within 7 s. */
const STOP_STEP_MS = 1000
const PRESENCE_INTERVAL_MS = 60_000

/** Makes the registry; nothing is opened before `start()`. */
export function createRegistry(
  options: RegistryOptions,
  components: RegistryComponents,
): RegistryService {
  return new Registry(options, components)
}

interface StopStep {
  readonly name: string
  readonly stop: () => Promise<void>
}

class Registry implements RegistryService {
  readonly view: RecordView
  readonly writer: RegistryWriter
  readonly #options: RegistryOptions
  readonly #components: RegistryComponents
  readonly #clock: Clock
  readonly #metrics: RegistryMetrics
  readonly #presence: Presence
  readonly #feed: NodeFeed
  readonly #counts: EntryCounts
  readonly #disk: StoreDisk
  readonly #size: StoreSize
  #stopStack: StopStep[] = []
  #databases: Databases | null = null
  #replicator: Replicator | null = null
  #isOpen = false
  #isDamageSaid = false
  #transition: Promise<void> = Promise.resolve()

  constructor(options: RegistryOptions, components: RegistryComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#size = new StoreSize(options.directory, this.#clock)
    this.#metrics = createRegistryMetrics(components.metrics, {
      status: () => this.status(),
      diskBytes: () => this.diskBytes,
    })
    this.#counts = new EntryCounts(this.#metrics)
    const ownPeerId = components.identity.peerId
    this.#feed = new NodeFeed({
      ownPeerId,
      onListenerFailed: (error) => this.#warn(error, 'a listener for node records failed'),
    })
    const ttlMs = options.nodeTtlDays * DAY_MS
    this.#presence = new Presence(
      { ttlMs },
      { clock: this.#clock, onError: (error) => this.#warn(error, 'presence not saved') },
    )
    this.#disk = new StoreDisk(
      { directory: options.directory, retryMs: options.diskRetryMs ?? 5000 },
      {
        clock: this.#clock,
        onFailed: ({ facts }) =>
          components.logger.error({ ...facts }, 'the registry cannot write to its disk'),
        onMended: () => components.logger.info({}, 'the registry can write to its disk again'),
        onRepaired: (store) =>
          components.logger.warn({ store }, 'a damaged store was repaired; check the disk'),
      },
    )
    this.view = new RecordView(
      { ownPeerId, ttlMs },
      { clock: this.#clock, lastSeenMs: (peerId) => this.#presence.lastSeenMs(peerId) },
    )
    this.writer = createWriter(
      { ownPeerId, ttlMs },
      {
        view: this.view,
        metrics: this.#metrics,
        clock: this.#clock,
        database: (name) => (this.#isOpen ? (this.#databases?.get(name) ?? null) : null),
        publish: (database, judged) => this.#replicator?.publish(database, judged.bytes),
      },
    )
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
      if (this.#stopStack.length > 0) return
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
    const records = this.view.counts()
    return DATABASE_NAMES.map((name) => {
      const database = this.#databases?.get(name) ?? null
      return {
        name,
        address: database?.address ?? '',
        records: records[name],
        heads: database?.log.headCount ?? 0,
        entriesJoined: this.#counts.joined(name),
        rejections: this.#counts.rejections(name),
        isOpen: database?.isOpen ?? false,
      }
    })
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

  async #open(): Promise<void> {
    const { identity, transport } = this.#components
    const { directory, networkName } = this.#options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const disk = this.#disk
    this.#stopStack.push({ name: 'stores', stop: () => disk.close() })
    await disk.open()
    this.#stopStack.push({ name: 'store size', stop: () => this.#size.stop() })
    this.#size.start()
    this.#stopStack.push({ name: 'presence', stop: () => this.#presence.stop() })
    await this.#presence.start(disk.logs)
    const blocks = new BlockStore({
      level: disk.blocks,
      onDamaged: (hash) => this.#reportDamaged(hash),
    })
    const databases = await openDatabases(
      { networkName },
      {
        identity,
        blocks,
        logs: disk.logs,
        clock: this.#clock,
        onEntry: (name, judged, source) => this.#applyEntry(name, judged, source),
        onLost: (name, hashes) => this.#reportLost(name, hashes),
      },
    )
    this.#databases = databases
    this.#stopStack.push({ name: 'databases', stop: () => databases.close() })
    this.#isOpen = true
    await this.#startReplication(databases, blocks)
    this.#watchPeers()
    for (const peerId of transport.connectedPeers()) this.markSeen(peerId)
  }

  async #startReplication(databases: Databases, blocks: BlockStore): Promise<void> {
    const { transport, logger, libp2p } = this.#components
    const { networkName, bitswap } = this.#options
    let fetcher = null
    if (libp2p !== null && bitswap !== null) {
      // Helia's tree is large; it is loaded by those who use it.
      const { startBitswap } = await import('./replication/bitswap.ts')
      fetcher = await startBitswap(bitswap, { libp2p, blocks })
      const { stop } = fetcher
      this.#stopStack.push({ name: 'bitswap', stop })
    }
    const replicator = new Replicator(
      {
        networkName,
        antiEntropyIntervalMs: this.#options.antiEntropyIntervalMs ?? 60_000,
        exchangeIntervalMs: this.#options.exchangeIntervalMs ?? 2000,
      },
      {
        transport,
        databases,
        fetcher,
        metrics: this.#metrics,
        logger,
        clock: this.#clock,
        onRejected: (database, reason) => this.#counts.countRejected(database.options.name, reason),
      },
    )
    this.#replicator = replicator
    this.#stopStack.push({ name: 'replication', stop: () => replicator.stop() })
    await replicator.start()
  }

  #watchPeers(): void {
    const { transport } = this.#components
    const unwatch = transport.onPeer((peerId) => this.markSeen(peerId))
    const loop = new Loop({
      name: 'seen-peers',
      intervalMs: PRESENCE_INTERVAL_MS,
      clock: this.#clock,
      run: async () => {
        for (const peerId of transport.connectedPeers()) this.markSeen(peerId)
      },
    })
    loop.start()
    this.#stopStack.push({
      name: 'seen peers',
      stop: async () => {
        unwatch()
        await loop.stop()
      },
    })
  }

  /** Undoes what was started, in reverse; a step that fails or hangs does not keep the others back. */
  async #unwind(): Promise<void> {
    this.#isOpen = false
    for (let step = this.#stopStack.pop(); step !== undefined; step = this.#stopStack.pop()) {
      const { name, stop } = step
      try {
        await withDeadline(stop, { ms: STOP_STEP_MS, label: `stopping ${name}` })
      } catch (error) {
        this.#warn(error, 'a part of the registry did not stop in order')
      }
    }
    this.#replicator = null
    this.#databases = null
    this.view.clear()
  }

  #applyEntry(name: DatabaseName, judged: JudgedEntry, source: EntrySource): void {
    if (source !== 'disk') this.#counts.countJoined(name, source)
    const record = this.view.apply(name, judged)
    if (record === null || name !== 'nodes' || source === 'disk') return
    this.#feed.tell(record as RegistryRecord<NodeRecord>)
  }

  /** The first says that the disk is bad; a bad disk has thousands. */
  #reportDamaged(hash: string): void {
    const level = this.#isDamageSaid ? 'debug' : 'warn'
    this.#isDamageSaid = true
    this.#components.logger[level]({ hash }, 'a stored block is damaged')
  }

  #reportLost(name: DatabaseName, hashes: readonly string[]): void {
    this.#metrics.blockLost(name, hashes.length)
    this.#components.logger.warn(
      { database: name, entries: hashes.length },
      'log entries are missing or damaged on disk; peers are asked for them',
    )
  }

  #warn(error: unknown, message: string): void {
    // That the disk takes no writes has been said once, for all that cannot be written.
    const isSaid = error instanceof RegistryError && error.code === 'READ_ONLY'
    this.#components.logger[isSaid ? 'debug' : 'warn']({ error: describe(error) }, message)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#transition.then(work)
    this.#transition = turn.catch(() => {})
    return turn
  }
}
