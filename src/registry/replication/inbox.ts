import { BoundedMap } from '../../lib/bounded-map.ts'
import type { EntrySource, RegistryDatabase } from '../store/database.ts'
import type { JudgedEntry, RejectionReason } from '../store/entry-rules.ts'

/** `held`: waits for ancestors. `early`: its clock is ahead of ours, to be offered again later. */
export type Receipt = 'joined' | 'known' | 'held' | 'early' | 'rejected'

const HELD_LIMIT = 256

interface Held {
  readonly judged: JudgedEntry
  readonly source: EntrySource
  readonly waitsFor: string
}

export interface InboxComponents {
  readonly database: RegistryDatabase
  onRejected(reason: RejectionReason): void
  /** Called once per entry that this inbox joined, also long after it was received. */
  onJoined(hash: string, source: EntrySource): void
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

  /** Entries that wait, the youngest last. */
  heldEntries(): JudgedEntry[] {
    return [...this.#held.values()].map(({ judged }) => judged)
  }

  async receive(bytes: Uint8Array, source: EntrySource): Promise<Receipt> {
    const { database, onRejected } = this.#components
    const verdict = database.judge(bytes)
    if (!verdict.isAccepted) {
      onRejected(verdict.reason)
      return verdict.isTemporary ? 'early' : 'rejected'
    }
    return this.#admit(verdict, source)
  }

  clear(): void {
    this.#held.clear()
    this.#waiting.clear()
  }

  async #admit(judged: JudgedEntry, source: EntrySource): Promise<Receipt> {
    const { database } = this.#components
    const { hash } = judged.entry
    if (database.has(hash)) return 'known'
    // One that was lost on this disk goes back without its parents: they were in the log too, and
    // where a whole stretch is lost, each entry says which one to ask for next.
    const missing = database.isPast(hash) ? undefined : database.missingParents(judged)[0]
    if (missing !== undefined) {
      this.#hold(judged, source, missing)
      return 'held'
    }
    const isNew = await this.#join(judged, source)
    await this.#release(hash)
    return isNew ? 'joined' : 'known'
  }

  async #join(judged: JudgedEntry, source: EntrySource): Promise<boolean> {
    const isNew = await this.#components.database.join(judged, source)
    if (isNew) this.#components.onJoined(judged.entry.hash, source)
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
          this.#hold(held.judged, held.source, missing)
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

  #hold(judged: JudgedEntry, source: EntrySource, missing: string): void {
    const { hash } = judged.entry
    const before = this.#held.peek(hash)
    if (before !== undefined) this.#unlink(hash, before.waitsFor)
    const waiting = this.#waiting.get(missing) ?? new Set()
    this.#waiting.set(missing, waiting.add(hash))
    this.#held.set(hash, { judged, source, waitsFor: missing })
  }

  #unlink(hash: string, waitsFor: string): void {
    const waiting = this.#waiting.get(waitsFor)
    waiting?.delete(hash)
    if (waiting?.size === 0) this.#waiting.delete(waitsFor)
  }
}
