import { EventEmitter } from 'node:events'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import {
  Entry,
  Log,
  type OrbitDatabase,
  type OrbitDatabaseParams,
  type OrbitLog,
} from '@orbitdb/core'
import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { MAX_CLOCK_AHEAD_MS, MAX_ENTRY_BYTES, MAX_NEXT } from '../constants.ts'
import { RegistryError } from '../errors.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { DatabaseName } from '../types.ts'
import type { BlockStore } from './block-store.ts'
import { encodeValue, hashOf } from './entry-codec.ts'
import {
  type EntryPayload,
  type JudgedEntry,
  judgeEntry,
  type RuleContext,
  type Verdict,
  type VerifySignature,
} from './entry-rules.ts'
import { LogIndex } from './log-index.ts'
import { scanLog } from './log-scan.ts'
import type { HeadsStorage, PrefixStorage } from './orbit-storages.ts'
import { Turns } from './turns.ts'

/** Who brought an entry: it decides what is announced again. */
export type EntrySource = 'local' | 'gossip' | 'exchange' | 'disk'

export interface DatabaseOptions {
  readonly name: DatabaseName
  readonly peerId: string
  readonly schema: RecordSchema
}

export interface DatabaseComponents {
  readonly blocks: BlockStore
  readonly heads: HeadsStorage
  readonly index: PrefixStorage
  readonly clock: Clock
  readonly verify: VerifySignature
  /** Called once per entry that is in the log, parents first. */
  onEntry(judged: JudgedEntry, source: EntrySource): void
}

/** Entries taken into the view in one go at start: some milliseconds. */
const NOTED_AT_ONCE = 500

/** One log: OrbitDB's, with entries judged before they get near it and joined parents first. */
export class RegistryDatabase implements OrbitDatabase {
  readonly events = new EventEmitter()
  readonly address: string
  readonly name: string
  readonly options: DatabaseOptions
  readonly #components: DatabaseComponents
  readonly #params: OrbitDatabaseParams
  readonly #log = new LogIndex()
  readonly #verdicts = new BoundedMap<string, Verdict>({ limit: 512 })
  readonly #turns = new Turns()
  #orbitLog: OrbitLog | null = null
  #lastOwnClockMs = 0

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
    const scan = await scanLog({ blocks, index, address: this.address, schema })
    for (const [i, judged] of scan.entries.entries()) {
      if (i % NOTED_AT_ONCE === 0) await yieldToLoop()
      this.#note(judged, 'disk')
    }
    await heads.put('heads', this.#encodeHeads(scan.entries))
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

  /**
   * Judges bytes a peer sent; the same bytes again cost a hash. An accepted entry has bytes of its own:
   * what came in may be a view of a whole frame, which must not live as long as the entry does.
   */
  judge(bytes: Uint8Array): Verdict {
    if (bytes.length > MAX_ENTRY_BYTES) return judgeEntry(bytes, this.#ruleContext())
    const hash = hashOf(bytes)
    const known = this.#verdicts.get(hash)
    if (known !== undefined) return known
    const verdict = judgeEntry(new Uint8Array(bytes), this.#ruleContext())
    if (verdict.isAccepted || !verdict.isTemporary) this.#verdicts.set(hash, verdict)
    return verdict
  }

  has(hash: string): boolean {
    return this.#log.has(hash)
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

  /**
   * Joins a judged entry whose parents are all here. Resolves when it is on disk and in the view; a
   * local entry goes before those of peers that wait. When it cannot be stored, nothing has changed.
   * @returns false when it was in the log already. @throws RegistryError `READ_ONLY`, `CLOSED`.
   */
  join(judged: JudgedEntry, source: EntrySource): Promise<boolean> {
    const { entry } = judged
    const work = async () => {
      this.#openLog()
      if (this.#log.has(entry.hash)) return false
      if (this.#log.isMissing(entry.hash)) await this.#restore(judged)
      else await this.#joinLog(judged)
      this.#note(judged, source)
      return true
    }
    return this.#turns.take(work, source === 'local' ? 'urgent' : 'usual')
  }

  /**
   * Writes an entry of our own: it links at most 32 heads, fewer when the record is large, and its
   * clock is the wall clock, later than our last. Callers take turns.
   * @throws RegistryError `CLOSED`, `TOO_LARGE`, `CLOCK_AHEAD`, `READ_ONLY`.
   */
  async append(payload: EntryPayload): Promise<JudgedEntry> {
    this.#openLog()
    const time = this.#nextClockMs()
    let bytes: Uint8Array = new Uint8Array()
    for (let links = MAX_NEXT; links >= 1; links = links > 4 ? links / 2 : links - 1) {
      bytes = await this.#encodeOwn(payload, time, this.#log.heads(links))
      if (bytes.length <= MAX_ENTRY_BYTES) break
    }
    const verdict = judgeEntry(bytes, this.#ruleContext())
    if (!verdict.isAccepted) throw refusal(verdict.reason, payload, bytes.length)
    // Even if it fails: bytes that reached the disk after all must not share a clock with the next.
    this.#lastOwnClockMs = time
    await this.join(verdict, 'local')
    return verdict
  }

  async close(): Promise<void> {
    const log = this.#orbitLog
    this.#orbitLog = null
    // After the join under way; those that wait find the log closed.
    await this.#turns.take(async () => log?.close(), 'urgent')
    this.events.emit('close')
  }

  #nextClockMs(): number {
    const nowMs = this.#components.clock.now()
    const time = Math.max(nowMs, this.#lastOwnClockMs + 1)
    if (time <= nowMs + MAX_CLOCK_AHEAD_MS) return time
    const message = 'our last entry is far in the future: was the clock of this machine set back?'
    throw new RegistryError('CLOCK_AHEAD', message)
  }

  async #encodeOwn(payload: EntryPayload, time: number, next: string[]): Promise<Uint8Array> {
    const { identity } = this.#params
    const clock = { id: this.options.peerId, time }
    const entry = await Entry.create(identity, this.address, payload, undefined, clock, next, [])
    return encodeValue(entry)
  }

  /** OrbitDB makes an entry a head before it indexes it; a head that is not in the log is taken back. */
  async #joinLog({ entry }: JudgedEntry): Promise<void> {
    const { heads } = this.#components
    const before = heads.value
    try {
      await this.#openLog().joinEntry(entry)
    } catch (error) {
      heads.value = before
      throw error
    }
  }

  /** Puts a lost entry back: its children are in the log, so it must not become a head. */
  async #restore(judged: JudgedEntry): Promise<void> {
    const { blocks, index } = this.#components
    await blocks.put(judged.entry.hash, judged.bytes)
    await index.put(judged.entry.hash, true)
  }

  #note(judged: JudgedEntry, source: EntrySource): void {
    const { entry } = judged
    this.#log.add(entry.hash, entry.next)
    if (entry.key === this.options.peerId) {
      this.#lastOwnClockMs = Math.max(this.#lastOwnClockMs, entry.clock.time)
    }
    this.#components.onEntry(judged, source)
  }

  #encodeHeads(entries: readonly JudgedEntry[]): Uint8Array {
    const isHead = new Set(this.#log.heads(Number.POSITIVE_INFINITY))
    const heads = entries.filter(({ entry }) => isHead.has(entry.hash))
    const list = heads.map(({ entry }) => ({ hash: entry.hash, next: entry.next }))
    return new TextEncoder().encode(JSON.stringify(list))
  }

  #ruleContext(): RuleContext {
    const { address, options } = this
    const { clock, verify } = this.#components
    return { address, schema: options.schema, nowMs: clock.now(), verify }
  }

  #openLog(): OrbitLog {
    if (this.#orbitLog === null) throw new RegistryError('CLOSED', 'the registry is not open')
    return this.#orbitLog
  }
}

function refusal(reason: string, payload: EntryPayload, bytes: number): RegistryError {
  if (reason !== 'too-large') {
    return new RegistryError('INVALID_RECORD', `the record breaks the entry rule "${reason}"`)
  }
  const field = largestField(payload.value)
  const message = `the record makes an entry of ${bytes} bytes, at most ${MAX_ENTRY_BYTES} are allowed; its largest field is ${field}`
  return new RegistryError('TOO_LARGE', message, { field })
}

function largestField(value: EntryPayload['value']): string {
  const sizes = Object.entries(value ?? {}).map(([field, item]): [string, number] => [
    field,
    JSON.stringify(item)?.length ?? 0,
  ])
  return sizes.sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'record'
}
