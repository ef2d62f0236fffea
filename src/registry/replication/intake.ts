import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { RegistryDatabase } from '../store/database.ts'
import { hashOf } from '../store/entry-codec.ts'
import type { JudgedEntry, Verdict } from '../store/entry-rules.ts'
import type { Receipt } from './inbox.ts'
import type { Orphans } from './orphans.ts'

/** Bytes that wait to be joined; beyond it `put` waits. */
const QUEUE_BYTES = 256 * 1024
/** Orphans that become ready in one go: some milliseconds. All of them may wait for the same entry. */
const WOKEN_AT_ONCE = 500

/** What comes next breaks no rule, but cannot be taken now: there is no room, or our clock is too early. */
export class PutOffError extends Error {
  override readonly name = 'PutOffError'
}

/** What an intake does with entries that are not its own business alone. */
export interface IntakeEntrance {
  /** The way in for an entry that cannot join at once: it is held, or refused and counted. */
  receive(bytes: Uint8Array): Promise<Receipt>
  /** Entries that joined here, parents first, and that others may have waited for. */
  onJoined(joined: readonly JudgedEntry[]): Promise<void>
  /** All up to this block has been taken in. */
  onTaken?(bytes: Uint8Array): void
  /** This transfer brought something new: entries that joined, or that wait for their parents. */
  onGained?(entries: number, bytes: number): void
}

export interface IntakeComponents extends IntakeEntrance {
  readonly database: RegistryDatabase
  /** Takes entries that come before their parents; null: none were asked for. */
  readonly orphans: Orphans | null
}

/**
 * Judges and joins what a transfer brings, as many at once as have arrived meanwhile: while one lot is
 * joined the next is judged, and more arrives. Ends at the first entry that breaks a rule, or is put off.
 */
export class Intake {
  readonly #components: IntakeComponents
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #work: Promise<void> | null = null
  #failure: { readonly cause: unknown } | null = null
  /** Entries that joined. */
  joined = 0
  /** Entries that wait for ancestors, orphans aside. */
  held = 0

  constructor(components: IntakeComponents) {
    this.#components = components
  }

  /** Resolves when there is room for more. @throws what taking in an earlier one threw. */
  async put(blocks: readonly Uint8Array[]): Promise<void> {
    this.#throwFailure()
    for (const bytes of blocks) {
      this.#queue.push(bytes)
      this.#queuedBytes += bytes.length
    }
    if (this.#queue.length > 0) this.#work ??= this.#takeAll()
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

  /** Two lots are under way at most: one is joined while the next is judged. */
  async #takeAll(): Promise<void> {
    let last = Promise.resolve()
    try {
      while (this.#queue.length > 0) {
        const before = last
        last = this.#takeLot(this.#queue, before)
        last.catch(() => {})
        this.#queue = []
        this.#queuedBytes = 0
        await before
        if (this.#queue.length === 0) await last
      }
    } catch (cause) {
      this.#failure = { cause }
      await last.catch(() => {})
    } finally {
      this.#work = null
    }
  }

  async #takeLot(batch: readonly Uint8Array[], before: Promise<void>): Promise<void> {
    const [verdicts] = await Promise.all([this.#components.database.judgeMany(batch), before])
    await this.#take(batch, verdicts)
  }

  async #take(batch: readonly Uint8Array[], verdicts: readonly (Verdict | null)[]): Promise<void> {
    const { database, receive, onJoined, onTaken, onGained } = this.#components
    const before = this.#orphaned()
    const ready = new Map<string, JudgedEntry>()
    const others: Uint8Array[] = []
    for (const [i, verdict] of verdicts.entries()) {
      const bytes = batch[i] ?? EMPTY
      const isTaken =
        verdict === null ? await this.#noteKnown(bytes, ready) : await this.#sort(verdict, ready)
      if (!isTaken) others.push(bytes)
      if (verdict?.isAccepted === false) break
    }
    // An orphan counts when it comes, and not again when it joins. It may be forgotten while others do.
    const after = this.#orphaned()
    const isNew = await database.joinMany([...ready.values()], 'exchange')
    const joined = [...ready.values()].filter((_, i) => isNew[i] === true)
    this.joined += joined.length
    onGained?.(
      joined.length + after.entries - before.entries,
      bytesOf(joined) + after.bytes - before.bytes,
    )
    await onJoined(joined)
    for (const bytes of others) {
      const receipt = await receive(bytes)
      if (receipt === 'joined') onGained?.(1, bytes.length)
      this.#note(receipt)
    }
    const last = batch.at(-1)
    if (last !== undefined) onTaken?.(last)
  }

  #orphaned(): { readonly entries: number; readonly bytes: number } {
    const { orphans } = this.#components
    return { entries: orphans?.size ?? 0, bytes: orphans?.bytes ?? 0 }
  }

  /** @returns false for an entry that is refused, or that has no place to wait for its parents. */
  async #sort(verdict: Verdict, ready: Map<string, JudgedEntry>): Promise<boolean> {
    if (!verdict.isAccepted) return false
    const missing = this.#firstMissing(verdict, ready)
    if (missing !== undefined) return this.#components.orphans?.add(verdict, missing) ?? false
    await this.#makeReady([verdict], ready)
    return true
  }

  /** One that joined on another way: orphans may wait for it. */
  async #noteKnown(bytes: Uint8Array, ready: Map<string, JudgedEntry>): Promise<boolean> {
    const { orphans } = this.#components
    if (orphans !== null && orphans.size > 0) {
      await this.#makeReady(this.#wake(hashOf(bytes), ready), ready)
    }
    return true
  }

  /** Notes entries as ready, and after them the orphans that waited for them. */
  async #makeReady(entries: JudgedEntry[], ready: Map<string, JudgedEntry>): Promise<void> {
    // An array yields what is added while it is walked.
    for (const [i, judged] of entries.entries()) {
      if (i > 0 && i % WOKEN_AT_ONCE === 0) await yieldToLoop()
      const { hash } = judged.entry
      ready.set(hash, judged)
      entries.push(...this.#wake(hash, ready))
    }
  }

  /** @returns the orphans that waited for this entry alone. */
  #wake(hash: string, ready: ReadonlyMap<string, JudgedEntry>): JudgedEntry[] {
    const { orphans } = this.#components
    if (orphans === null) return []
    return orphans.takeWaiting(hash).filter((orphan) => {
      const missing = this.#firstMissing(orphan, ready)
      if (missing !== undefined) orphans.putBack(orphan, missing)
      return missing === undefined
    })
  }

  /** A parent that is neither here nor ready; one that was lost here needs no parents. */
  #firstMissing(judged: JudgedEntry, ready: ReadonlyMap<string, JudgedEntry>): string | undefined {
    const { database } = this.#components
    if (database.isPast(judged.entry.hash)) return undefined
    return database.missingParents(judged).find((hash) => !ready.has(hash))
  }

  #note(receipt: Receipt): void {
    if (receipt === 'joined') this.joined += 1
    if (receipt === 'held') this.held += 1
    if (receipt === 'rejected') throw new Error('the peer sent a broken log')
    if (receipt === 'early') throw new PutOffError('the rest of the log cannot be taken now')
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.cause
  }
}

const EMPTY = new Uint8Array()

function bytesOf(entries: readonly JudgedEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
