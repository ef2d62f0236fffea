import type { JudgedEntry } from './entry-rules.ts'
import { Turns } from './turns.ts'

/** Who brought an entry: it decides what is announced again. */
export type EntrySource = 'local' | 'gossip' | 'exchange' | 'disk'

/** Entries stored in one turn, before a local write that waits: some milliseconds. */
const JOINED_AT_ONCE = 128

/** Entries of one source that will be stored in the same turn, and for each whether it was new. */
interface Gathered {
  readonly entries: JudgedEntry[]
  readonly isNew: Promise<boolean[]>
}

export interface JoinQueueComponents {
  /** Stores entries, each after its parents. @returns for each whether it is new. */
  store(batch: readonly JudgedEntry[], source: EntrySource): Promise<boolean[]>
}

/**
 * The order in which entries join a log: a local one before those of peers that wait, and those of peers
 * many at once, for a turn is two writes, whatever is in it.
 */
export class JoinQueue {
  readonly #components: JoinQueueComponents
  readonly #turns = new Turns()
  readonly #gathered = new Map<EntrySource, Gathered>()

  constructor(components: JoinQueueComponents) {
    this.#components = components
  }

  /** @returns whether it is new. @throws what storing it throws. */
  async join(judged: JudgedEntry, source: EntrySource): Promise<boolean> {
    if (source === 'local') return (await this.joinMany([judged], source))[0] ?? false
    // Those that arrive while others are stored share one turn.
    const waiting = this.#gathered.get(source)
    if (waiting === undefined) return (await this.#gather(judged, source))[0] ?? false
    const at = waiting.entries.push(judged) - 1
    if (waiting.entries.length >= JOINED_AT_ONCE) this.#gathered.delete(source)
    return (await waiting.isNew)[at] ?? false
  }

  /** With a local write in between where one waits. @throws what storing a part of them throws. */
  async joinMany(batch: readonly JudgedEntry[], source: EntrySource): Promise<boolean[]> {
    const isNew: boolean[] = []
    for (let at = 0; at < batch.length; at += JOINED_AT_ONCE) {
      const part = batch.slice(at, at + JOINED_AT_ONCE)
      const urgency = source === 'local' ? 'urgent' : 'usual'
      const store = () => this.#components.store(part, source)
      isNew.push(...(await this.#turns.take(store, urgency)))
    }
    return isNew
  }

  /** Work after the join under way and before all that wait. */
  afterCurrent<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work, 'urgent')
  }

  #gather(first: JudgedEntry, source: EntrySource): Promise<boolean[]> {
    const entries = [first]
    let hasBegun = false
    const isNew = this.#turns.take(() => {
      hasBegun = true
      if (this.#gathered.get(source)?.entries === entries) this.#gathered.delete(source)
      return this.#components.store(entries, source)
    })
    if (!hasBegun) this.#gathered.set(source, { entries, isNew })
    return isNew
  }
}
