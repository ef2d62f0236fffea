import { type Clock, systemClock } from './clock.ts'

export interface TokenBucketOptions {
  /** Most tokens held: the burst. */
  readonly capacity: number
  readonly refillPerSecond: number
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>
}

/** Counts what may still be done now: starts full, refills steadily, never holds more than its burst. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  readonly #clock: Pick<Clock, 'now'>
  #tokens: number
  #updatedAtMs: number

  constructor(options: TokenBucketOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#tokens = options.capacity
    this.#updatedAtMs = this.#clock.now()
  }

  /** Takes `count` tokens, or none when there are fewer. */
  tryTake(count = 1): boolean {
    if (!this.has(count)) return false
    this.#tokens -= count
    return true
  }

  /** Whether `tryTake` would take. */
  has(count = 1): boolean {
    this.#refill()
    return this.#tokens >= count
  }

  /** True when nothing has been taken that time has not given back: safe to forget. */
  get isFull(): boolean {
    this.#refill()
    return this.#tokens >= this.#options.capacity
  }

  #refill(): void {
    const nowMs = this.#clock.now()
    // A wall clock that jumps back must not take tokens away.
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs)
    this.#updatedAtMs = nowMs
    const refilled = this.#tokens + (elapsedMs / 1000) * this.#options.refillPerSecond
    this.#tokens = Math.min(this.#options.capacity, refilled)
  }
}
