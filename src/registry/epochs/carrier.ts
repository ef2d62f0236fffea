import type { Clock } from '../../lib/clock.ts'
import { isCarriable } from '../records/carried.ts'
import type { CarriedRecord, RegistryRecord } from '../types.ts'
import type { RecordView } from '../view.ts'
import { startOfEpoch } from './calendar.ts'
import { type CarriedEntries, isRevoking } from './carried-entries.ts'
import type { EpochWriter } from './epoch-writer.ts'
import { shareOf } from './spread.ts'

/** Carried per epoch in all: 4 to 8 MB. A flood of made-up revocations must not be kept for ever. */
const CARRIED_LIMIT = 4096
/** Carried of one absent author. */
const PER_AUTHOR_LIMIT = 64

export interface CarrierOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
  /** Entries written in one run. */
  readonly perRun: number
}

export interface CarrierComponents {
  readonly view: RecordView
  readonly carried: CarriedEntries
  readonly writer: Pick<EpochWriter, 'carry'>
  readonly clock: Clock
  /** The signed bytes of an entry and the epoch it was written in; null when they are not here. */
  read(hash: string): Promise<CarriedRecord | null>
  onCarried(record: RegistryRecord): void
}

/**
 * Takes the revocations of absent authors over into a new epoch, as they were signed. Every station may
 * do it and one is enough: each waits for a moment of its own, an eighth to half of the time to live
 * after the turn, and leaves out what the epoch holds by then. Authors come first, within an hour.
 */
export class Carrier {
  readonly #options: CarrierOptions
  readonly #components: CarrierComponents
  /** Hashes that cannot be carried: too large, or lost here. */
  readonly #refused = new Set<string>()
  #epoch = 0

  constructor(options: CarrierOptions, components: CarrierComponents) {
    this.#options = options
    this.#components = components
  }

  /** No revocation is left in epochs before this one alone, but for those that are not carried. */
  isDone(epoch: number): boolean {
    return this.#pending(epoch).length === 0
  }

  /** Writes what is due. @throws RegistryError when nothing can be written now. */
  async run(epoch: number, signal: AbortSignal): Promise<void> {
    const { writer, read, onCarried } = this.#components
    if (epoch !== this.#epoch) this.#refused.clear()
    this.#epoch = epoch
    const due = this.#pending(epoch).filter((record) => this.#isDue(epoch, record))
    for (const record of due.slice(0, this.#options.perRun)) {
      if (signal.aborted) return
      const entry = await read(record.entryHash)
      if (entry === null || !isCarriable(entry.entry)) {
        this.#refused.add(record.entryHash)
        continue
      }
      await writer.carry(entry)
      onCarried(record)
    }
  }

  #pending(epoch: number): RegistryRecord[] {
    const { view, carried } = this.#components
    const perAuthor = carried.authorsIn(epoch)
    let room = CARRIED_LIMIT - [...perAuthor.values()].reduce((sum, count) => sum + count, 0)
    const pending: RegistryRecord[] = []
    for (const record of view.foreignBefore(epoch, 'trust')) {
      if (room === 0) break
      const count = perAuthor.get(record.author) ?? 0
      if (!isRevoking(record.value) || count >= PER_AUTHOR_LIMIT) continue
      if (this.#refused.has(record.entryHash)) continue
      perAuthor.set(record.author, count + 1)
      room -= 1
      pending.push(record)
    }
    return pending
  }

  #isDue(epoch: number, { entryHash }: RegistryRecord): boolean {
    const { ownPeerId, ttlMs } = this.#options
    const share = shareOf(ownPeerId, epoch, entryHash)
    const waitMs = ttlMs / 8 + share * ttlMs * (3 / 8)
    return this.#components.clock.now() >= startOfEpoch(epoch) + waitMs
  }
}
