import type { Clock } from '../../lib/clock.ts'
import { RegistryError } from '../errors.ts'
import { DATABASE_NAMES } from '../records/index.ts'
import type { DatabaseName, RegistryRecord } from '../types.ts'
import { startOfEpoch } from './calendar.ts'
import type { EpochWriter } from './epoch-writer.ts'
import { shareOf } from './spread.ts'
import type { TurningClaims } from './turning-claims.ts'

/** From the turn on: at 10 000 records of one station it is three a second. */
export const SPREAD_MS = 3_600_000

export interface RepublisherOptions {
  readonly ownPeerId: string
  /** Records written in one run, the rate's bound: those of a station that was off are all due at once. */
  readonly perRun: number
}

export interface RepublisherComponents {
  readonly turning: Pick<TurningClaims, 'ownBefore' | 'ownOvertaken'>
  readonly writer: Pick<EpochWriter, 'republish' | 'anchor'>
  readonly clock: Clock
  onRepublished(database: DatabaseName): void
  /** A record that can never be written again; it ends with its epoch. */
  onRefused(record: RegistryRecord, error: unknown): void
  /** A record that cannot be written with the clock of its first put; another's claim may go before it. */
  onUnanchored(record: RegistryRecord, error: unknown): void
}

/**
 * Takes our own records over into a new epoch, each at a moment of its own within an hour of the turn.
 * What is left to do follows from the claims, so a restart half-way goes on where it ended: a record is
 * done when the current epoch holds it.
 */
export class Republisher {
  readonly #options: RepublisherOptions
  readonly #components: RepublisherComponents
  /** Keys that the rules refuse, of the epoch that was last worked on. */
  readonly #refused = new Set<string>()
  readonly #unanchored = new Set<string>()
  #epoch = 0

  constructor(options: RepublisherOptions, components: RepublisherComponents) {
    this.#options = options
    this.#components = components
  }

  /** Nothing of ours is left in epochs before this one alone. */
  isDone(epoch: number): boolean {
    return DATABASE_NAMES.every((database) => this.#pending(epoch, database).length === 0)
  }

  /** Writes what is due. @throws RegistryError when nothing can be written now. */
  async run(epoch: number, signal: AbortSignal): Promise<void> {
    if (epoch !== this.#epoch) this.#forget()
    this.#epoch = epoch
    let left = this.#options.perRun
    for (const database of DATABASE_NAMES) {
      for (const record of this.#pending(epoch, database)) {
        if (signal.aborted || left === 0) return
        if (!this.#isDue(epoch, record)) continue
        left -= 1
        await this.#republish(record)
      }
      for (const { record, firstMs } of this.#overtaken(epoch, database)) {
        if (signal.aborted || left === 0) return
        left -= 1
        await this.#anchor(record, firstMs)
      }
    }
  }

  #forget(): void {
    this.#refused.clear()
    this.#unanchored.clear()
  }

  #pending(epoch: number, database: DatabaseName): RegistryRecord[] {
    const records = this.#components.turning.ownBefore(epoch, database)
    return records.filter(({ key }) => !this.#refused.has(`${database} ${key}`))
  }

  #overtaken(epoch: number, database: DatabaseName) {
    const overtaken = this.#components.turning.ownOvertaken(epoch, database)
    return overtaken.filter(({ record }) => !this.#unanchored.has(`${database} ${record.key}`))
  }

  #isDue(epoch: number, { database, localId }: RegistryRecord): boolean {
    const share = shareOf(this.#options.ownPeerId, epoch, database, localId)
    return this.#components.clock.now() >= startOfEpoch(epoch) + share * SPREAD_MS
  }

  async #republish(record: RegistryRecord): Promise<void> {
    const { writer, onRepublished, onRefused } = this.#components
    const { database, localId, key } = record
    try {
      if (await writer.republish(database, localId)) onRepublished(database)
    } catch (error) {
      if (!isFinal(error)) throw error
      this.#refused.add(`${database} ${key}`)
      onRefused(record, error)
    }
  }

  async #anchor(record: RegistryRecord, firstMs: number): Promise<void> {
    const { writer, onUnanchored } = this.#components
    const { database, localId, key } = record
    try {
      await writer.anchor(database, localId, firstMs)
    } catch (error) {
      if (!isFinal(error)) throw error
      this.#unanchored.add(`${database} ${key}`)
      onUnanchored(record, error)
    }
  }
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    (error.code === 'INVALID_RECORD' || error.code === 'TOO_LARGE')
  )
}
