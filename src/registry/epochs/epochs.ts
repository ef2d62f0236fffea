import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { Databases } from '../store/databases.ts'
import type { ByteStore } from '../store/guarded-level.ts'
import type { CarriedRecord, DatabaseName, LogStatus } from '../types.ts'
import type { RecordView } from '../view.ts'
import type { AheadEntries } from './ahead-entries.ts'
import { AheadEpochs } from './ahead-epochs.ts'
import { type EpochWindow, replicatedIn, windowAt } from './calendar.ts'
import { type CarriedEntries, carriedIn } from './carried-entries.ts'
import type { OpenEpoch, Shown } from './open-epoch.ts'
import { isErasing, markErasing, storedEpochs, unmarkErasing } from './stored-epochs.ts'

const INTERVAL_MS = 5000
/**
 * From when an epoch was found past due to when its logs are deleted, and from when entries of ours were found
 * ahead to when they are written again; also from the start to the first revocation that is carried. A clock
 * that leaps and is mended within it has cost nothing, and after a start it is time enough to hear what
 * others have carried.
 */
const SETTLE_MS = 10 * 60_000

/** What an epoch's turn moves; its work is left to do until it says that it is done. */
export interface TurnWork {
  isDone(epoch: number): boolean
  run(epoch: number, signal: AbortSignal): Promise<void>
}

export interface EpochsOptions {
  readonly networkName: string
  readonly ttlMs: number
}

export interface EpochsComponents {
  readonly view: RecordView
  readonly carried: CarriedEntries
  readonly republisher: TurnWork
  readonly carrier: TurnWork
  readonly ahead: Pick<AheadEntries, 'takeOut' | 'restate'>
  readonly logs: ByteStore
  readonly logger: Logger
  readonly clock: Clock
  /** Opens the logs of an epoch; resolves when the view has what they hold. */
  open(epoch: number, shown: Shown): Promise<OpenEpoch>
  /** Of the registry's folder; null when it cannot be looked up. */
  diskBytes(): Promise<number | null>
  onClosed(): void
  onError(error: unknown): void
}

/** Where open logs are replicated. */
export interface LogHost {
  add(database: RegistryDatabase): Promise<void>
  remove(database: RegistryDatabase): Promise<void>
}

/**
 * The open epochs: opens what the calendar says, moves our records and the revocations of absent authors
 * on when an epoch turns, and deletes the logs of those that are past due, after all that is to be kept
 * of them is in the current one.
 */
export class Epochs {
  readonly #options: EpochsOptions
  readonly #components: EpochsComponents
  readonly #open = new Map<number, OpenEpoch>()
  readonly #ahead: AheadEpochs
  readonly #loop: Loop
  #host: LogHost | null = null
  #current = 0
  #openedMs = 0

  constructor(options: EpochsOptions, components: EpochsComponents) {
    this.#options = options
    this.#components = components
    this.#ahead = new AheadEpochs(components)
    this.#loop = new Loop({
      name: 'epochs',
      intervalMs: INTERVAL_MS,
      jitter: 0.1,
      clock: components.clock,
      run: (signal) => this.#keepUp(signal),
      onError: components.onError,
    })
  }

  /** The number of the epoch that is written to; 0 before the start. */
  get current(): number {
    return this.#current
  }

  /** The logs that are written to; null while they are not open. */
  get databases(): Databases | null {
    return this.#open.get(this.#current)?.databases ?? null
  }

  /** The logs of all open epochs. */
  get all(): RegistryDatabase[] {
    return [...this.#open.values()].flatMap(({ databases }) => databases.all)
  }

  /** One log in every open epoch, the oldest first. */
  logs(name: DatabaseName): LogStatus[] {
    return [...this.#open.values()]
      .map((open) => open.status(name))
      .sort((a, b) => a.epoch - b.epoch)
  }

  /** Opens all that is to be read now, and what is left on disk of epochs that are past due. */
  async open(): Promise<void> {
    const { logs, clock, logger } = this.#components
    const { networkName } = this.#options
    this.#openedMs = clock.now()
    const window = this.#window()
    for (const epoch of await storedEpochs(logs, networkName)) {
      if (epoch < window.oldest) {
        const shown = (await isErasing(logs, networkName, epoch)) ? 'nothing' : 'own'
        await this.#openOne(epoch, shown)
      } else if (epoch < window.replicated) {
        await this.#openOne(epoch, 'all')
      }
      // What others wrote is not deleted on the word of a clock that may be wrong.
      if (epoch > window.newest) {
        logger.warn({ epoch }, 'later entries are on disk: is the clock of this machine behind?')
        this.#ahead.note(epoch)
      }
    }
    for (const epoch of replicatedIn(window)) await this.#openOne(epoch, 'all')
    this.#current = window.current
  }

  /** Begins to replicate what is open, and to keep up with the calendar. */
  async start(host: LogHost): Promise<void> {
    this.#host = host
    await this.#replicate(this.#window())
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#host = null
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    this.#ahead.clear()
    this.#current = 0
    for (const { databases } of open) await databases.close()
  }

  /** The signed bytes of a trust entry in any open epoch; null when they are not here. */
  async read(hash: string): Promise<CarriedRecord | null> {
    for (const { epoch, databases } of this.#open.values()) {
      const trust = databases.get('trust')
      const entry = trust.has(hash) ? await trust.getBytes(hash) : undefined
      if (entry !== undefined) return { epoch, entry }
    }
    const place = this.#components.carried.placeOf(hash)
    if (place === null) return null
    const trust = this.#open.get(place.heldIn)?.databases.get('trust')
    const block = await trust?.getBytes(place.carrierHash)
    return block === undefined ? null : carriedIn(block)
  }

  #window(): EpochWindow {
    return windowAt(this.#components.clock.now(), this.#options.ttlMs)
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    const { republisher, carrier, ahead, clock } = this.#components
    const window = this.#window()
    for (const epoch of this.#toOpen(window)) await this.#reopen(epoch)
    this.#turnTo(window)
    await this.#mendAhead()
    await this.#replicate(window)
    // Nothing can be written after entries that are ahead.
    if (this.#ahead.has(this.#current)) return
    await ahead.restate(signal)
    await republisher.run(this.#current, signal)
    if (clock.now() - this.#openedMs >= SETTLE_MS) await carrier.run(this.#current, signal)
    for (const open of [...this.#open.values()]) {
      if (signal.aborted) return
      if (open.epoch < window.oldest) await this.#retire(open)
      if (open.epoch > window.newest && open.epoch !== this.#current) {
        await this.#shut(open)
        this.#ahead.note(open.epoch)
      }
    }
  }

  /** A clock that is set back a little does not turn an epoch back: what is written later counts. */
  #turnTo({ current, newest }: EpochWindow): void {
    const next = Math.max(current, Math.min(this.#current, newest))
    if (next === this.#current) return
    this.#components.logger.info({ epoch: next }, 'the registry writes to a new epoch')
    this.#current = next
  }

  /** Those that are replicated, and what is here of older ones that are past due no longer. */
  #toOpen(window: EpochWindow): Set<number> {
    const older = [...this.#open.keys()].filter((epoch) => epoch >= window.oldest)
    return new Set([...replicatedIn(window), ...older.filter((epoch) => epoch < window.replicated)])
  }

  /** One that was past due by a clock that has been set back since is read from the start. */
  async #reopen(epoch: number): Promise<void> {
    const open = this.#open.get(epoch)
    if (open?.dueSinceMs === null) return
    if (open !== undefined) await this.#shut(open)
    await this.#openOne(epoch, 'all')
  }

  /** Entries of ours that are ahead for long are taken out; what they said is written again. */
  async #mendAhead(): Promise<void> {
    const { ahead, logger } = this.#components
    this.#ahead.look(this.#open.values())
    for (const { epoch, foundMs } of this.#ahead.dueFor(SETTLE_MS)) {
      const open = this.#open.get(epoch)
      if (open !== undefined) await this.#shut(open)
      const entries = await ahead.takeOut(epoch, foundMs)
      if (entries > 0)
        logger.warn({ epoch, entries }, 'what is ahead of the clock is written again')
      this.#ahead.forget(epoch)
      if (open !== undefined) await this.#openOne(epoch, 'all')
    }
  }

  async #openOne(epoch: number, shown: Shown): Promise<OpenEpoch> {
    const open = await this.#components.open(epoch, shown)
    if (shown !== 'all') open.dueSinceMs = this.#components.clock.now()
    this.#open.set(epoch, open)
    return open
  }

  /** Begins and ends to replicate what is open; what is in order already stays as it is. */
  async #replicate({ replicated }: EpochWindow): Promise<void> {
    for (const { epoch, databases, dueSinceMs } of this.#open.values()) {
      const isWanted = dueSinceMs === null && epoch >= replicated
      for (const database of databases.all) {
        await (isWanted ? this.#host?.add(database) : this.#host?.remove(database))
      }
    }
  }

  /** Its logs stay on disk, until its time where a clock was set back. */
  async #shut(open: OpenEpoch): Promise<void> {
    for (const database of open.databases.all) await this.#host?.remove(database)
    this.#open.delete(open.epoch)
    await this.#leaveView(open)
    await open.databases.close()
  }

  /** Ends replication at once, and the rest when nothing of it is needed any more. */
  async #retire(open: OpenEpoch): Promise<void> {
    const { clock, republisher, carrier } = this.#components
    if (open.dueSinceMs === null) {
      open.dueSinceMs = clock.now()
      for (const database of open.databases.all) await this.#host?.remove(database)
    }
    if (clock.now() - open.dueSinceMs < SETTLE_MS) return
    if (open.isInView && open.shown !== 'nothing') {
      if (!republisher.isDone(this.#current) || !carrier.isDone(this.#current)) return
      await this.#leaveView(open)
    }
    await this.#erase(open)
  }

  async #leaveView(open: OpenEpoch): Promise<void> {
    await this.#components.view.closeEpoch(open.epoch)
    this.#components.carried.closeEpoch(open.epoch)
    open.isInView = false
  }

  /** What a full disk or a kill interrupts is gone on with later. */
  async #erase(open: OpenEpoch): Promise<void> {
    const { logs, logger, diskBytes, onClosed } = this.#components
    const { networkName } = this.#options
    const { epoch, entryCount: entries } = open
    const before = await diskBytes()
    await markErasing(logs, networkName, epoch)
    await open.databases.erase()
    await unmarkErasing(logs, networkName, epoch)
    this.#open.delete(epoch)
    onClosed()
    const facts = { epoch, entries, diskBytesBefore: before, diskBytesAfter: await diskBytes() }
    logger.info(facts, 'an epoch is over: its logs were deleted')
  }
}
