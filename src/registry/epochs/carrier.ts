import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { Clock } from '../../lib/clock.ts'
import { isCarriable } from '../records/carried.ts'
import type { CarriedRecord, RegistryRecord } from '../types.ts'
import type { RecordView } from '../view.ts'
import { EPOCH_MS, startOfEpoch } from './calendar.ts'
import { type CarriedEntries, isRevoking } from './carried-entries.ts'
import type { EpochWriter } from './epoch-writer.ts'
import { SPREAD_MS } from './republisher.ts'
import { shareOf } from './spread.ts'
import type { TurningClaims } from './turning-claims.ts'

/**
 * Carried per epoch in all: 4 to 8 MB. A flood of made-up revocations must not be kept for ever. It is little
 * enough to be written also where there is no room for entries of others: no flood may undo a revocation.
 */
const CARRIED_LIMIT = 4096
/** Statements carried of one absent author. */
const PER_AUTHOR_LIMIT = 64
/** Of an authority, or of a station that one vouches for: a stranger's flood takes none of their room. */
const PER_SPEAKER_LIMIT = 1024
/** Claims looked at in one go: a millisecond or two. */
const LOOKED_AT_ONCE = 2000

export interface CarrierOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
  /** Entries written in one run. */
  readonly perRun: number
}

export interface CarrierComponents {
  readonly view: Pick<RecordView, 'revision'>
  readonly turning: Pick<TurningClaims, 'foreignBefore'>
  readonly carried: CarriedEntries
  readonly writer: Pick<EpochWriter, 'carry'>
  readonly clock: Clock
  /** Whether an author may speak for anyone's ingesters. */
  isSpeaker(author: string): boolean
  /** The signed bytes of an entry and the epoch it was written in; null when they are not here. */
  read(hash: string): Promise<CarriedRecord | null>
  onCarried(record: RegistryRecord): void
}

/**
 * Takes the revocations of absent authors over into a new epoch, as they were signed. Every station may
 * do it and one is enough: each waits for a moment of its own, an eighth to half of the time to live, or of an
 * epoch where that is shorter, after the turn, and leaves out what the epoch holds by then. Authors come
 * first, within an hour. What is written later waits for its own clock, and then for a share of an hour.
 */
export class Carrier {
  readonly #options: CarrierOptions
  readonly #components: CarrierComponents
  /** Hash -> when it was carried here, or found to be too large or lost. It is not tried again. */
  readonly #tried = new Map<string, number>()
  /** Author -> how many of those; who revokes the same anew and anew has no more carried than others. */
  readonly #triedOf = new Map<string, number>()
  #epoch = 0
  /** What is to be carried, as of a revision of the view. */
  #known: { readonly at: string; readonly pending: readonly RegistryRecord[] } | null = null

  constructor(options: CarrierOptions, components: CarrierComponents) {
    this.#options = options
    this.#components = components
  }

  /** No revocation is left in epochs before this one alone, but for those that are not carried. */
  async isDone(epoch: number): Promise<boolean> {
    return (await this.#pending(epoch)).length === 0
  }

  /** Writes what is due. @throws RegistryError when nothing can be written now. */
  async run(epoch: number, signal: AbortSignal): Promise<void> {
    const { writer, read, onCarried } = this.#components
    if (epoch !== this.#epoch) this.#forget()
    this.#epoch = epoch
    if (this.#components.clock.now() < this.#firstDueMs(epoch)) return
    const pending = await this.#pending(epoch)
    const due = pending.filter((record) => this.#isDue(epoch, record))
    for (const record of due.slice(0, this.#options.perRun)) {
      if (signal.aborted) return
      const entry = await read(record.entryHash)
      if (entry !== null && isCarriable(entry.entry)) {
        await writer.carry(entry)
        onCarried(record)
      }
      this.#noteTried(record)
    }
  }

  #noteTried({ author, entryHash }: RegistryRecord): void {
    this.#tried.set(entryHash, this.#components.clock.now())
    this.#triedOf.set(author, (this.#triedOf.get(author) ?? 0) + 1)
    this.#known = null
  }

  /** What was carried by a clock that was ahead is taken out of the log, and counts as not tried. */
  #wasTried(entryHash: string): boolean {
    const triedMs = this.#tried.get(entryHash)
    return triedMs !== undefined && triedMs <= this.#components.clock.now()
  }

  #forget(): void {
    this.#tried.clear()
    this.#triedOf.clear()
    this.#known = null
  }

  async #pending(epoch: number): Promise<readonly RegistryRecord[]> {
    // As it is now: what changes while claims are looked at is looked at the next time.
    const at = `${epoch} ${this.#components.view.revision('trust')}`
    this.#known = this.#known?.at === at ? this.#known : { at, pending: await this.#find(epoch) }
    return this.#known.pending
  }

  async #find(epoch: number): Promise<RegistryRecord[]> {
    const { turning, carried, isSpeaker } = this.#components
    const perAuthor = carried.authorsIn(epoch)
    for (const [author, count] of this.#triedOf) {
      perAuthor.set(author, Math.max(count, perAuthor.get(author) ?? 0))
    }
    let room = CARRIED_LIMIT
    for (const [author, count] of perAuthor) if (!isSpeaker(author)) room -= count
    const pending: RegistryRecord[] = []
    let left = LOOKED_AT_ONCE
    for (const record of turning.foreignBefore(epoch, 'trust')) {
      if (left === 0) {
        left = LOOKED_AT_ONCE
        await yieldToLoop()
      }
      left -= 1
      if (record === null || !isRevoking(record.value)) continue
      const { author, entryHash } = record
      if (this.#wasTried(entryHash)) continue
      const count = perAuthor.get(author) ?? 0
      const isFirst = isSpeaker(author)
      if (count >= (isFirst ? PER_SPEAKER_LIMIT : PER_AUTHOR_LIMIT)) continue
      if (!isFirst && room <= 0) continue
      if (!isFirst) room -= 1
      perAuthor.set(author, count + 1)
      pending.push(record)
    }
    return pending
  }

  /** Never before its own clock: what carries it would be of an earlier one, and count as nothing. */
  #isDue(epoch: number, { entryHash, clockMs }: RegistryRecord): boolean {
    const share = shareOf(this.#options.ownPeerId, epoch, entryHash)
    const dueMs = this.#firstDueMs(epoch) + share * this.#spanMs * (3 / 8)
    return this.#components.clock.now() >= Math.max(dueMs, clockMs + share * SPREAD_MS)
  }

  #firstDueMs(epoch: number): number {
    return startOfEpoch(epoch) + this.#spanMs / 8
  }

  /** Never so long that the next turn would come before. */
  get #spanMs(): number {
    return Math.min(this.#options.ttlMs, EPOCH_MS)
  }
}
