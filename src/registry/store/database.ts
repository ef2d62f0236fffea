import { EventEmitter } from 'node:events'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { Log, type OrbitDatabase, type OrbitDatabaseParams, type OrbitLog } from '@orbitdb/core'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import { RegistryError } from '../errors.ts'
import { isCarriedId } from '../records/carried.ts'
import type { DatabaseComponents, DatabaseOptions } from './database-options.ts'
import { hashOf } from './entry-codec.ts'
import { EntryJudge } from './entry-judge.ts'
import type { EntryPayload, JudgedEntry, Verdict } from './entry-rules.ts'
import { EntryStore } from './entry-store.ts'
import { type EntrySource, JoinQueue } from './join-queue.ts'
import { LatestEntries } from './latest-entries.ts'
import { eraseLog } from './log-erasure.ts'
import { LogIndex } from './log-index.ts'
import { LogScan } from './log-scan.ts'
import { OwnClock } from './own-clock.ts'
import { encodeOwnEntry, refusalOf } from './own-writing.ts'

export type { EntrySource } from './join-queue.ts'

/** Entries taken into the view in one go at start: some milliseconds. */
const NOTED_AT_ONCE = 500
/** A carried entry has a signature in it that is checked then, as so many others. */
const CARRIED_WEIGHT = 20

/**
 * One log, OrbitDB's: entries are judged before they get near it and joined parents first. They go into
 * the storages that its `Log` reads, many in two writes, and not through `joinEntry`, which reads and
 * verifies the heads and parents of each again.
 */
export class RegistryDatabase implements OrbitDatabase {
  readonly events = new EventEmitter()
  readonly address: string
  readonly name: string
  readonly options: DatabaseOptions
  readonly #components: DatabaseComponents
  readonly #params: OrbitDatabaseParams
  readonly #log = new LogIndex()
  readonly #latest = new LatestEntries((hash, counts) => this.#log.setCounting(hash, counts))
  readonly #judge: EntryJudge
  readonly #queue: JoinQueue
  readonly #entries: EntryStore
  readonly #ownClock: OwnClock
  #orbitLog: OrbitLog | null = null

  constructor(
    options: DatabaseOptions,
    components: DatabaseComponents,
    params: OrbitDatabaseParams,
  ) {
    this.options = options
    this.#components = components
    this.#params = params
    this.address = params.address
    this.name = params.name
    this.#queue = new JoinQueue({ store: (batch, source) => this.#store(batch, source) })
    const { blocks, index, room, clock } = components
    this.#entries = new EntryStore({ blocks, index, room, log: this.#log })
    this.#ownClock = new OwnClock(clock)
    this.#judge = new EntryJudge(
      { address: params.address, schema: options.schema },
      {
        clock,
        isJoined: (hash) => this.has(hash),
        // What was lost takes no more room than it took before.
        isAdmitted: (hash) => room.acceptsRemote || this.#log.isMissing(hash),
      },
    )
  }

  get log(): LogIndex {
    return this.#log
  }

  get isOpen(): boolean {
    return this.#orbitLog !== null
  }

  /**
   * Reads the log back and opens it. Heads are recomputed from the entries that can be read, so that a
   * lost block never makes every later write fail. @returns hashes of lost entries.
   */
  async load(): Promise<readonly string[]> {
    const { blocks, heads, index } = this.#components
    const { schema } = this.options
    const scan = new LogScan({ blocks, index, address: this.address, schema })
    let left = 0
    for await (const entries of scan.entries()) {
      for (const judged of entries) {
        if (left <= 0) {
          await yieldToLoop()
          left = NOTED_AT_ONCE
        }
        left -= isCarriedId(judged.localId) ? CARRIED_WEIGHT : 1
        this.#note(judged, 'disk')
      }
    }
    heads.follow(() => this.#log.headLinks())
    const { identity, access, entryStorage, headsStorage, indexStorage } = this.#params
    this.#orbitLog = await Log(identity, {
      logId: this.address,
      access,
      entryStorage,
      headsStorage,
      indexStorage,
    })
    return scan.lost
  }

  /** Judges bytes a peer sent; the same bytes again cost a hash. Refused for now where there is no room. */
  judge(bytes: Uint8Array): Verdict {
    return this.#judge.judge(bytes)
  }

  /** Judges an entry of our own that was made elsewhere: the room for those of peers is none of its concern. */
  judgeOwn(bytes: Uint8Array): Verdict {
    return this.#judge.judgeOwn(bytes)
  }

  /**
   * Judges what a transfer brought, signatures on the other cores.
   * @returns for each its verdict, null for one that is in the log already
   */
  judgeMany(batch: readonly Uint8Array[]): Promise<(Verdict | null)[]> {
    return this.#judge.judgeMany(batch)
  }

  /** Whether judging an entry of this name costs no more than its hash. */
  isJudged(hash: string): boolean {
    return this.#judge.isJudged(hash)
  }

  has(hash: string): boolean {
    return this.#log.has(hash)
  }

  /** Whether an entry of these bytes is in the log. */
  holds(bytes: Uint8Array): boolean {
    return bytes.length <= MAX_ENTRY_BYTES && this.has(hashOf(bytes))
  }

  /** True also for an entry that is lost on this disk: it was in the log, and its children still are. */
  isPast(hash: string): boolean {
    return this.#log.has(hash) || this.#log.isMissing(hash)
  }

  missingParents(judged: JudgedEntry): string[] {
    const { next, refs } = judged.entry
    return [...next, ...refs].filter((hash) => !this.#log.has(hash))
  }

  getBytes(hash: string): Promise<Uint8Array | undefined> {
    return this.#components.blocks.get(hash)
  }

  /** In the order of `hashes`; undefined where a block is not here or not intact. */
  readBlocks(hashes: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#components.blocks.getMany(hashes)
  }

  /** Those of `hashes` that are in the log, in this order; undefined where a block is not intact. */
  getBytesMany(hashes: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return this.#components.blocks.getMany(hashes.filter((hash) => this.#log.has(hash)))
  }

  /**
   * Joins a judged entry whose parents are all here. Resolves when it is on disk and in the view; a
   * local entry goes before those of peers that wait. When it cannot be stored, nothing has changed.
   * @returns false when it was in the log already. @throws RegistryError `READ_ONLY`, `CLOSED`.
   */
  async join(judged: JudgedEntry, source: EntrySource): Promise<boolean> {
    return await this.#queue.join(judged, source)
  }

  /**
   * Joins judged entries, each after its parents, with a local write in between where one waits. What
   * cannot be stored is not in the log, nor is any after it; some before it may be.
   * @returns for each whether it is new. @throws RegistryError `READ_ONLY`, `CLOSED`.
   */
  async joinMany(batch: readonly JudgedEntry[], source: EntrySource): Promise<boolean[]> {
    return await this.#queue.joinMany(batch, source)
  }

  /**
   * Writes an entry of our own: it links at most 32 heads, fewer when the record is large, and its
   * clock is the wall clock, later than our last. Callers take turns.
   * @throws RegistryError `CLOSED`, `TOO_LARGE`, `CLOCK_AHEAD`, `READ_ONLY`.
   */
  async append(payload: EntryPayload): Promise<JudgedEntry> {
    this.#openLog()
    const time = this.#ownClock.next()
    const bytes = await encodeOwnEntry(payload, {
      identity: this.#params.identity,
      address: this.address,
      clock: { id: this.options.peerId, time },
      heads: (limit) => this.#log.heads(limit),
    })
    const verdict = this.#judge.judgeOwn(bytes)
    if (!verdict.isAccepted) throw refusalOf(verdict.reason, payload, bytes.length)
    // Even if it fails: bytes that reached the disk after all must not share a clock with the next.
    this.#ownClock.note(time)
    await this.join(verdict, 'local')
    return verdict
  }

  async close(): Promise<void> {
    const log = this.#orbitLog
    this.#orbitLog = null
    // After the join under way; those that wait find the log closed.
    await this.#queue.afterCurrent(async () => log?.close())
    this.events.emit('close')
  }

  /**
   * Deletes this log from disk, its blocks and its index: only after `close()`, since what is open would be
   * read again. Can be called again after a failure, on a log that was opened and closed anew.
   * @throws RegistryError `READ_ONLY`, and when the log is open.
   */
  async eraseStored(): Promise<void> {
    if (this.isOpen) throw new Error(`${this.name} is open: it is closed before it is erased`)
    const { blocks, index } = this.#components
    await eraseLog({ blocks, index }, this.address.slice(this.address.lastIndexOf('/') + 1))
  }

  async #store(batch: readonly JudgedEntry[], source: EntrySource): Promise<boolean[]> {
    this.#openLog()
    const { isNew, entries } = await this.#entries.store(batch)
    for (const judged of entries) this.#note(judged, source)
    return isNew
  }

  #note(judged: JudgedEntry, source: EntrySource): void {
    const { entry } = judged
    this.#log.add(entry.hash, entry.next, entry.refs)
    this.#latest.add(entry)
    if (entry.key === this.options.peerId) this.#ownClock.note(entry.clock.time)
    this.#components.onEntry(judged, source)
  }

  #openLog(): OrbitLog {
    if (this.#orbitLog === null) throw new RegistryError('CLOSED', 'the registry is not open')
    return this.#orbitLog
  }
}
