import { backoffMs } from '../../lib/backoff.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clocks, type SavedTerm, Term } from './term.ts'

/** Strikes are forgotten this long after the last shunning ended: the next one is short again. */
const STRIKES_KEPT_MS = 24 * 3_600_000

export interface Shunning {
  readonly term: Term
  /** What led to it, in codes of ours. */
  readonly reasons: readonly string[]
  /** How often, this time included. */
  readonly strikes: number
}

export interface SavedShunning {
  readonly key: string
  readonly term: SavedTerm
  readonly reasons: readonly string[]
  readonly strikes: number
}

export interface ShunnedOptions {
  /** Shunnings remembered; the one that began first is forgotten first. */
  readonly limit: number
  readonly minMs: number
  readonly maxMs: number
}

/** Who is shunned and how often that was, each time for twice as long. */
export class Shunned {
  readonly #options: ShunnedOptions
  readonly #clocks: Clocks
  readonly #shunnings: BoundedMap<string, Shunning>

  constructor(options: ShunnedOptions, clocks: Clocks) {
    this.#options = options
    this.#clocks = clocks
    this.#shunnings = new BoundedMap({ limit: options.limit })
  }

  has(key: string): boolean {
    return this.#shunnings.peek(key)?.term.isOver === false
  }

  /** @param maxMs of this one. @returns for how long */
  shun(key: string, reasons: readonly string[], maxMs = this.#options.maxMs): number {
    const before = this.#shunnings.peek(key)
    const isForgotten = before === undefined || before.term.overForMs > STRIKES_KEPT_MS
    const attempt = isForgotten ? 0 : before.strikes
    const { minMs } = this.#options
    const forMs = backoffMs({ attempt, minMs, maxMs: Math.max(minMs, maxMs), jitter: 0 })
    const term = Term.from(forMs, this.#clocks)
    this.#shunnings.set(key, { term, reasons: [...reasons], strikes: attempt + 1 })
    return forMs
  }

  /** Forgets it with its strikes. @returns whether it was shunned */
  lift(key: string): boolean {
    const wasShunned = this.has(key)
    this.#shunnings.delete(key)
    return wasShunned
  }

  get size(): number {
    return this.list().length
  }

  /** Those that are in force, the oldest first. */
  list(): (Shunning & { readonly key: string })[] {
    return [...this.#shunnings.entries()]
      .map(([key, shunning]) => ({ key, ...shunning }))
      .filter(({ term }) => !term.isOver)
  }

  /** Those in force and those whose strikes still count. */
  save(): SavedShunning[] {
    return [...this.#shunnings.entries()]
      .filter(([, { term }]) => term.overForMs <= STRIKES_KEPT_MS)
      .map(([key, { term, reasons, strikes }]) => ({ key, term: term.toSaved(), reasons, strikes }))
  }

  restore(saved: readonly SavedShunning[]): void {
    for (const { key, term, reasons, strikes } of saved) {
      // A file may say what it likes: none lasts longer than any that is made here.
      const leftMs = Math.min(term.leftMs ?? 0, this.#options.maxMs)
      const restored = new Term({ ...term, untilMs: term.untilMs ?? 0, leftMs }, this.#clocks)
      this.#shunnings.set(key, { term: restored, reasons, strikes })
    }
  }
}
