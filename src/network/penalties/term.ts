import type { Clock } from '../../lib/clock.ts'

export interface Clocks {
  /** What the time is; it may be set at any moment. */
  readonly wall: Pick<Clock, 'now'>
  /** How long it has been; it only goes forward. */
  readonly steady: Pick<Clock, 'now'>
}

/** As it is kept on disk, ms. */
export interface SavedTerm {
  readonly sinceMs: number
  /** null: for ever. */
  readonly untilMs: number | null
  /** What this node has yet to run before it is over, whatever the time is by then; null: for ever. */
  readonly leftMs: number | null
}

/**
 * How long something lasts: until a time of day, or until this node has run for as long as it was to
 * last, whichever comes first. A clock that is set back thereby makes no term longer, and one that is
 * wrong after a start without a time service ends no term that has begun.
 */
export class Term {
  readonly sinceMs: number
  readonly #untilMs: number | null
  readonly #leftMs: number | null
  readonly #countedFromMs: number
  readonly #clocks: Clocks

  constructor(saved: SavedTerm, clocks: Clocks) {
    this.sinceMs = saved.sinceMs
    this.#untilMs = saved.untilMs
    this.#leftMs = saved.leftMs
    this.#countedFromMs = clocks.steady.now()
    this.#clocks = clocks
  }

  /** @param forMs null: for ever */
  static from(forMs: number | null, clocks: Clocks): Term {
    const sinceMs = clocks.wall.now()
    const untilMs = forMs === null ? null : sinceMs + forMs
    return new Term({ sinceMs, untilMs, leftMs: forMs }, clocks)
  }

  get isOver(): boolean {
    return this.remainingMs !== null && this.remainingMs <= 0
  }

  /** null: for ever. */
  get remainingMs(): number | null {
    if (this.#untilMs === null || this.#leftMs === null) return null
    return Math.min(this.#untilMs - this.#clocks.wall.now(), this.#leftNow(this.#leftMs))
  }

  /** By the wall clock as it is now; null: for ever. */
  get untilMs(): number | null {
    return this.remainingMs === null ? null : this.#clocks.wall.now() + this.remainingMs
  }

  /** How long it has been over by the wall clock; 0 while it is not. */
  get overForMs(): number {
    return this.isOver && this.#untilMs !== null
      ? Math.max(0, this.#clocks.wall.now() - this.#untilMs)
      : 0
  }

  toSaved(): SavedTerm {
    const leftMs = this.#leftMs === null ? null : Math.max(0, this.#leftNow(this.#leftMs))
    return { sinceMs: this.sinceMs, untilMs: this.#untilMs, leftMs }
  }

  #leftNow(leftMs: number): number {
    return leftMs - (this.#clocks.steady.now() - this.#countedFromMs)
  }
}
