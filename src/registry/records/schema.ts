import type { RecordValue } from '../types.ts'
import type { Parsed } from './fields.ts'

export interface PrepareContext<T> {
  readonly localId: string
  /** ISO 8601. */
  readonly now: string
  /** Our own current record under this local id. */
  readonly current: T | null
}

/** What one database holds. All of it is pure and the same on every node. */
export interface RecordSchema<T extends RecordValue = RecordValue> {
  /**
   * Reads a complete record as it stands in a log. The entry rules want `ignored` to be empty.
   * @throws RegistryError `INVALID_RECORD` naming the field.
   */
  parse(raw: unknown, localId: string): Parsed<T>
  /**
   * Completes what a caller wrote (ids, times, merged parts) and parses it.
   * @throws RegistryError `INVALID_RECORD` naming the field.
   */
  prepare(raw: unknown, context: PrepareContext<T>): Parsed<T>
  /** Fields that say when, not what: a change of these alone is no change. */
  readonly timeFields: readonly string[]
}
