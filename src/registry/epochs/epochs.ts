import { Loop } from '../../lib/loop.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { Databases } from '../store/databases.ts'
import type { CarriedRecord, DatabaseName, LogStatus } from '../types.ts'
import { AheadEpochs } from './ahead-epochs.ts'
import { type EpochWindow, replicatedIn, windowAt } from './calendar.ts'
import { EpochEnd } from './epoch-end.ts'
import type { OpenEpoch, Shown } from './open-epoch.ts'
import { OpenEpochs } from './open-epochs.ts'
import type { EpochsComponents, EpochsOptions, LogHost } from './options.ts'
import { SETTLE_MS } from './settling.ts'
import { isErasing, storedEpochs } from './stored-epochs.ts'

const INTERVAL_MS = 5000
/**
 * The open epochs: opens what the calendar says, moves our records and the revocations of absent authors
 * on when an epoch turns, and deletes the logs of those that are past due, after all that is to be kept
 * of them is in the current one.
 */
export class Epochs {
  readonly #options: EpochsOptions
  readonly #components: EpochsComponents
  readonly #open: OpenEpochs
  readonly #ahead: AheadEpochs
  readonly #end: EpochEnd
  readonly #loop: Loop
  #host: LogHost | null = null
  #current = 0
  #openedMs = 0

  constructor(options: EpochsOptions, components: EpochsComponents) {
    this.#options = options
    this.#components = components
    this.#open = new OpenEpochs(components.carried)
    this.#ahead = new AheadEpochs(components)
    this.#end = new EpochEnd(options, { ...components, open: this.#open, host: () => this.#host })
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
    return this.#open.databases
  }

  /** One log in every open epoch, the oldest first. */
  logs(name: DatabaseName): LogStatus[] {
    return this.#open.logs(name)
  }

  /** The signed bytes of a trust entry in any open epoch; null when they are not here. */
  read(hash: string): Promise<CarriedRecord | null> {
    return this.#open.read(hash)
  }

  /** The signed bytes of entries, all logs being in one store; null where a block is not here or not intact. */
  async readMany(hashes: readonly string[]): Promise<(Uint8Array | null)[]> {
    const blocks = await this.#open.databases[0]?.readBlocks(hashes)
    return hashes.map((_, i) => blocks?.[i] ?? null)
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
    const open = this.#open.takeAll()
    this.#ahead.clear()
    this.#current = 0
    for (const { databases } of open) await databases.close()
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
    for (const open of this.#open.list()) {
      if (signal.aborted) return
      if (open.epoch < window.oldest) await this.#end.retire(open, this.#current)
      if (open.epoch > window.newest && open.epoch !== this.#current) {
        await this.#end.shut(open)
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
    const older = this.#open
      .list()
      .map(({ epoch }) => epoch)
      .filter((epoch) => epoch >= window.oldest)
    return new Set([...replicatedIn(window), ...older.filter((epoch) => epoch < window.replicated)])
  }

  /** One that was past due by a clock that has been set back since is read from the start. */
  async #reopen(epoch: number): Promise<void> {
    const open = this.#open.get(epoch)
    if (open?.dueSinceMs === null) return
    if (open !== undefined) await this.#end.shut(open)
    await this.#openOne(epoch, 'all')
  }

  /** Entries of ours that are ahead for long are taken out; what they said is written again. */
  async #mendAhead(): Promise<void> {
    const { ahead, logger } = this.#components
    this.#ahead.look(this.#open.list())
    for (const { epoch, foundMs } of this.#ahead.dueFor(SETTLE_MS)) {
      const open = this.#open.get(epoch)
      if (open !== undefined) await this.#end.shut(open)
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
    this.#open.add(open)
    return open
  }

  /** Begins and ends to replicate what is open; what is in order already stays as it is. */
  async #replicate({ replicated }: EpochWindow): Promise<void> {
    for (const { epoch, databases, dueSinceMs } of this.#open.list()) {
      const isWanted = dueSinceMs === null && epoch >= replicated
      for (const database of databases.all) {
        await (isWanted ? this.#host?.add(database) : this.#host?.remove(database))
      }
    }
  }
}
