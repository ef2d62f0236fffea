import { BoundedMap } from '../../lib/bounded-map.ts'
import type { EntrySource, RegistryDatabase } from '../store/database.ts'
import type { JudgedEntry, RejectionReason } from '../store/entry-rules.ts'

/** `held`: waits for ancestors. `early`: its clock is ahead of ours, to be offered again later. */
export type Receipt = 'joined' | 'known' | 'held' | 'early' | 'rejected'

const HELD_LIMIT = 256
/** Held entries of one peer; one that offers more pushes out its own. */
const HELD_PER_PEER = 64

interface Held {
  readonly judged: JudgedEntry
  readonly source: EntrySource
  readonly waitsFor: string
  /** Who gave it first. */
  readonly from: string
}

export interface InboxComponents {
  readonly database: RegistryDatabase
  onRejected(reason: RejectionReason): void
  /** Called once per entry that this inbox joined, also long after it was received. */
  onJoined(hash: string, source: EntrySource, clockMs: number): void
}

/**
 * The one way into a log for what peers send: judged, held until its parents are in, then joined. At
 * most 256 entries are held, the oldest are forgotten first; a later exchange brings them again.
 */
export class Inbox {
  readonly #components: InboxComponents
  readonly #held: BoundedMap<string, Held>
  /** Missing entry -> held entries that wait for it. */
  readonly #waiting = new Map<string, Set<string>>()

  constructor(components: InboxComponents) {
    this.#components = components
    this.#held = new BoundedMap({
      limit: HELD_LIMIT,
      onEvict: (hash, held) => this.#unlink(hash, held.waitsFor),
    })
  }

  get heldCount(): number {
    return this.#held.size
  }

  isHeld(hash: string): boolean {
    return this.#held.has(hash)
  }

  /** Whether an entry waits for ancestors that are not here: others are about to be released. */
  isUnresolved(hash: string): boolean {
    const held = this.#held.peek(hash)
    return held !== undefined && this.#components.database.missingParents(held.judged).length > 0
  }

  /** Entries that wait, the youngest last. */
  heldEntries(): JudgedEntry[] {
    return [...this.#held.values()].map(({ judged }) => judged)
  }

  /**
   * The signature is verified on another core: of many that are given at once, the loop has its turns in between.
   * @param from the peer that gave it.
   */
  async receive(bytes: Uint8Array, source: EntrySource, from: string): Promise<Receipt> {
    const { database, onRejected } = this.#components
    // In bytes of its own: what came in may be a view of a whole frame, and what is held stays a while.
    const [verdict = null] = await database.judgeMany([new Uint8Array(bytes)])
    if (verdict === null) return 'known'
    if (!verdict.isAccepted) {
      onRejected(verdict.reason)
      return verdict.isTemporary ? 'early' : 'rejected'
    }
    return this.#admit(verdict, source, from)
  }

  /** Takes note of entries that joined on another way: what waited for them is admitted. @throws as `receive`. */
  async noteJoined(joined: readonly JudgedEntry[], source: EntrySource): Promise<void> {
    for (const { entry } of joined) {
      this.#components.onJoined(entry.hash, source, entry.clock.time)
      if (this.#waiting.has(entry.hash)) await this.#release(entry.hash)
    }
  }

  clear(): void {
    this.#held.clear()
    this.#waiting.clear()
  }

  async #admit(judged: JudgedEntry, source: EntrySource, from: string): Promise<Receipt> {
    const { database } = this.#components
    const { hash } = judged.entry
    if (database.has(hash)) return 'known'
    // One that was lost on this disk goes back without its parents: they were in the log too, and
    // where a whole stretch is lost, each entry says which one to ask for next.
    const missing = database.isPast(hash) ? undefined : database.missingParents(judged)[0]
    if (missing !== undefined) {
      this.#hold({ judged, source, waitsFor: missing, from })
      return 'held'
    }
    const isNew = await this.#join(judged, source)
    await this.#release(hash)
    return isNew ? 'joined' : 'known'
  }

  async #join(judged: JudgedEntry, source: EntrySource): Promise<boolean> {
    const isNew = await this.#components.database.join(judged, source)
    const { hash, clock } = judged.entry
    if (isNew) this.#components.onJoined(hash, source, clock.time)
    return isNew
  }

  /**
   * Admits what waited for `hash`, and what waited for that, without recursion. One that cannot be
   * joined is forgotten, for an exchange to bring it again, and does not keep the others waiting.
   * @throws the first error of joining, when all have had their turn.
   */
  async #release(hash: string): Promise<void> {
    const { database } = this.#components
    const joined = [hash]
    const failures: unknown[] = []
    for (let at = 0; at < joined.length; at += 1) {
      const waiting = this.#waiting.get(joined[at] ?? '') ?? []
      this.#waiting.delete(joined[at] ?? '')
      for (const child of waiting) {
        const held = this.#held.peek(child)
        this.#held.delete(child)
        if (held === undefined) continue
        const missing = database.missingParents(held.judged)[0]
        if (missing !== undefined) {
          this.#hold({ ...held, waitsFor: missing })
          continue
        }
        try {
          await this.#join(held.judged, held.source)
          joined.push(child)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  #hold(held: Held): void {
    const { hash } = held.judged.entry
    const before = this.#held.peek(hash)
    if (before === undefined) this.#makeRoom(held.from)
    else this.#unlink(hash, before.waitsFor)
    const waiting = this.#waiting.get(held.waitsFor) ?? new Set()
    this.#waiting.set(held.waitsFor, waiting.add(hash))
    this.#held.set(hash, { ...held, from: before?.from ?? held.from })
  }

  /** So that one peer that offers what nobody can resolve does not push out what others gave. */
  #makeRoom(from: string): void {
    const own = [...this.#held.entries()].filter(([, held]) => held.from === from)
    const [oldest] = own
    if (oldest === undefined || own.length < HELD_PER_PEER) return
    this.#held.delete(oldest[0])
    this.#unlink(oldest[0], oldest[1].waitsFor)
  }

  #unlink(hash: string, waitsFor: string): void {
    const waiting = this.#waiting.get(waitsFor)
    waiting?.delete(hash)
    if (waiting?.size === 0) this.#waiting.delete(waitsFor)
  }
}
