import type { RegistryDatabase } from '../store/database.ts'
import type { JudgedEntry } from '../store/entry-rules.ts'
import type { Receipt } from './inbox.ts'

/** Bytes that wait to be joined; beyond it `put` waits. */
const QUEUE_BYTES = 256 * 1024

/** What an intake does with entries that are not its own business alone. */
export interface IntakeEntrance {
  /** The way in for an entry that cannot join at once: it is held, or refused and counted. */
  receive(bytes: Uint8Array): Promise<Receipt>
  /** Entries that joined here, parents first, and that others may have waited for. */
  onJoined(joined: readonly JudgedEntry[]): Promise<void>
}

export interface IntakeComponents extends IntakeEntrance {
  readonly database: RegistryDatabase
}

/**
 * Judges and joins what a transfer brings, as many at once as have arrived meanwhile, while more of it
 * arrives. Ends at the first entry that breaks a rule.
 */
export class Intake {
  readonly #components: IntakeComponents
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #work: Promise<void> | null = null
  #failure: { readonly cause: unknown } | null = null
  /** Entries that joined. */
  joined = 0
  /** Entries that wait for ancestors. */
  held = 0

  constructor(components: IntakeComponents) {
    this.#components = components
  }

  /** Resolves when there is room for the next. @throws what taking in an earlier one threw. */
  async put(bytes: Uint8Array): Promise<void> {
    this.#throwFailure()
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#work ??= this.#takeAll()
    if (this.#queuedBytes > QUEUE_BYTES) await this.drain()
  }

  /** Resolves when all that was put has been taken in. @throws what taking it in threw. */
  async drain(): Promise<void> {
    await this.#work
    this.#throwFailure()
  }

  /** Forgets what waits and resolves when the work under way has ended; never throws. */
  async stop(): Promise<void> {
    this.#queue = []
    await this.#work
  }

  async #takeAll(): Promise<void> {
    try {
      while (this.#queue.length > 0 && this.#failure === null) {
        const batch = this.#queue
        this.#queue = []
        this.#queuedBytes = 0
        await this.#take(batch)
      }
    } catch (cause) {
      this.#failure = { cause }
    } finally {
      this.#work = null
    }
  }

  async #take(batch: readonly Uint8Array[]): Promise<void> {
    const { database, receive, onJoined } = this.#components
    const verdicts = await database.judgeMany(batch)
    const ready = new Map<string, JudgedEntry>()
    const others: Uint8Array[] = []
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict === null) continue
      if (!verdict.isAccepted || !this.#isReady(verdict, ready)) others.push(batch[i] ?? EMPTY)
      else ready.set(verdict.entry.hash, verdict)
      if (!verdict.isAccepted) break
    }
    const isNew = await database.joinMany([...ready.values()], 'exchange')
    const joined = [...ready.values()].filter((_, i) => isNew[i] === true)
    this.joined += joined.length
    await onJoined(joined)
    for (const bytes of others) this.#note(await receive(bytes))
  }

  /** Whether an entry can join after those that are ready; one that was lost here needs no parents. */
  #isReady(judged: JudgedEntry, ready: ReadonlyMap<string, JudgedEntry>): boolean {
    const { database } = this.#components
    if (database.isPast(judged.entry.hash)) return true
    return database.missingParents(judged).every((hash) => ready.has(hash))
  }

  #note(receipt: Receipt): void {
    if (receipt === 'joined') this.joined += 1
    if (receipt === 'held') this.held += 1
    if (receipt === 'rejected') throw new Error('the peer sent a broken log')
    if (receipt === 'early') throw new Error('the rest of the log is ahead of our clock')
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.cause
  }
}

const EMPTY = new Uint8Array()
