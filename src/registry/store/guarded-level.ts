import { RegistryError } from '../errors.ts'
import type { BytesLevel } from './levels.ts'
import { Turns } from './turns.ts'

/** Written with each sync. */
const SYNCED = 'synced'

/** Keys from `gte` up to, without, `lt`. */
export interface KeyRange {
  readonly gte: string
  readonly lt: string
}

export type ByteChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }

/** What the stores of the registry use of a Level. */
export interface ByteStore {
  get(key: string): Promise<Uint8Array | undefined>
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>
  has(key: string): Promise<boolean>
  hasMany(keys: readonly string[]): Promise<boolean[]>
  keys(range: KeyRange): AsyncIterable<string>
  iterator(range: KeyRange): AsyncIterable<[string, Uint8Array]>
  put(key: string, value: Uint8Array): Promise<void>
  del(key: string): Promise<void>
  clear(range: KeyRange): Promise<void>
  /** All or nothing. */
  batch(changes: readonly ByteChange[]): Promise<void>
  /** Rewrites the files of a range without what was deleted from it. */
  compact(range: KeyRange): Promise<void>
}

export interface GuardedLevelComponents {
  open(): Promise<BytesLevel>
  /** Why nothing may be written now, or null. */
  failure(): RegistryError | null
  /** Takes note that a write failed. @returns the error for whoever asked for it. */
  onFailed(error: unknown): RegistryError
}

/**
 * A Level that is written to by one write at a time, and no more after one that failed until it has
 * been reopened. LevelDB (classic-level 3.0.0) counts the bytes of a failed write as written to its
 * log: it would accept what follows, once there is room again, and not find it when it is opened next.
 * To be dropped when a failed write closes LevelDB's log.
 */
export class GuardedLevel implements ByteStore {
  readonly #components: GuardedLevelComponents
  readonly #turns = new Turns()
  #level: BytesLevel | null = null
  #isUnsynced = false

  constructor(components: GuardedLevelComponents) {
    this.#components = components
  }

  /** Opens it, after closing it where it is open. @throws what Level throws; it is closed then. */
  reopen(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#close()
      this.#level = await this.#components.open()
    }, 'urgent')
  }

  /** Ends after the write under way. Callable twice and when it never opened. */
  close(): Promise<void> {
    return this.#turns.take(() => this.#close(), 'urgent')
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#opened().get(key)
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#opened().getMany([...keys])
  }

  async has(key: string): Promise<boolean> {
    return this.#opened().has(key)
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return this.#opened().hasMany([...keys])
  }

  keys(range: KeyRange): AsyncIterable<string> {
    return this.#opened().keys(range)
  }

  iterator(range: KeyRange): AsyncIterable<[string, Uint8Array]> {
    return this.#opened().iterator(range)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.#write((level) => level.put(key, value))
  }

  del(key: string): Promise<void> {
    return this.#write((level) => level.del(key))
  }

  clear(range: KeyRange): Promise<void> {
    return this.#write((level) => level.clear(range))
  }

  batch(changes: readonly ByteChange[]): Promise<void> {
    return this.#write((level) => level.batch([...changes]))
  }

  /**
   * Makes what was written so far outlast a power cut; nothing to do after no writes. LevelDB has no sync
   * but with a write, which takes all before it along. @throws RegistryError `READ_ONLY`.
   */
  async sync(): Promise<void> {
    if (!this.#isUnsynced) return
    await this.#write((level) => {
      // Before it is done: a write that is next in turn is not part of it.
      this.#isUnsynced = false
      return level.put(SYNCED, Uint8Array.of(1), { sync: true })
    })
  }

  /** Beside writes, which go on meanwhile: it may take seconds. */
  async compact({ gte, lt }: KeyRange): Promise<void> {
    await this.#opened().compactRange(gte, lt)
  }

  #write(work: (level: BytesLevel) => Promise<void>): Promise<void> {
    return this.#turns.take(async () => {
      const failure = this.#components.failure()
      if (failure !== null) throw failure
      const level = this.#opened()
      this.#isUnsynced = true
      try {
        await work(level)
      } catch (error) {
        throw this.#components.onFailed(error)
      }
    })
  }

  #opened(): BytesLevel {
    if (this.#level !== null) return this.#level
    throw this.#components.failure() ?? new RegistryError('CLOSED', 'the registry is not open')
  }

  async #close(): Promise<void> {
    const level = this.#level
    this.#level = null
    await level?.close()
  }
}
