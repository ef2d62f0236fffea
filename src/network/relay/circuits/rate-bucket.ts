import type { Clock } from '../../../lib/clock.ts'

/** Shorter bursts would not even hold what one round of the shaper gives out. */
const MIN_BURST_SECONDS = 0.2

/**
 * Bytes that may pass now. Unlike `TokenBucket` it says how many there are, so that one can take from three
 * buckets at once, and it can be overdrawn, by one burst at most.
 */
export class RateBucket {
  readonly name: 'circuit' | 'host' | 'total'
  readonly #bytesPerSecond: number
  readonly #capacity: number
  readonly #clock: Pick<Clock, 'now'>
  #bytes: number
  #updatedAtMs: number
  /** Somebody waits for it: others queue behind. */
  isContended = false

  constructor(
    name: RateBucket['name'],
    bytesPerSecond: number,
    burstSeconds: number,
    clock: Pick<Clock, 'now'>,
  ) {
    this.name = name
    this.#bytesPerSecond = bytesPerSecond
    this.#capacity = Math.ceil(bytesPerSecond * Math.max(MIN_BURST_SECONDS, burstSeconds))
    this.#clock = clock
    this.#bytes = this.#capacity
    this.#updatedAtMs = clock.now()
  }

  /** Whole bytes, never below zero. */
  get available(): number {
    const nowMs = this.#clock.now()
    // A wall clock that jumps back must not take bytes away.
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs)
    this.#updatedAtMs = nowMs
    const refilled = this.#bytes + (elapsedMs / 1000) * this.#bytesPerSecond
    this.#bytes = Math.min(this.#capacity, refilled)
    return Math.max(0, Math.floor(this.#bytes))
  }

  spend(bytes: number): void {
    this.#bytes = Math.max(-this.#capacity, this.#bytes - bytes)
  }
}
