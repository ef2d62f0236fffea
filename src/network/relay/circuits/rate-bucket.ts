/** Shorter bursts would not even hold what one round of the shaper gives out. */
const MIN_BURST_SECONDS = 0.2

export interface RateBucketOptions {
  readonly name: 'circuit' | 'host' | 'total'
  readonly bytesPerSecond: number
  readonly burstSeconds: number
  /** When it is made, full. */
  readonly nowMs: number
}

/**
 * Bytes that may pass now. Unlike `TokenBucket` it says how many there are, so that one can take from three
 * buckets at once, and it can be overdrawn, by one burst at most. It has no clock: while a round is given out, nothing
 * comes in, or a round that takes long would never end.
 */
export class RateBucket {
  readonly name: RateBucketOptions['name']
  readonly #bytesPerSecond: number
  readonly #capacity: number
  #bytes: number
  #updatedAtMs: number
  /** Somebody waits for it: others queue behind. */
  isContended = false

  constructor({ name, bytesPerSecond, burstSeconds, nowMs }: RateBucketOptions) {
    this.name = name
    this.#bytesPerSecond = bytesPerSecond
    this.#capacity = Math.ceil(bytesPerSecond * Math.max(MIN_BURST_SECONDS, burstSeconds))
    this.#bytes = this.#capacity
    this.#updatedAtMs = nowMs
  }

  /** Takes in what the time since the last call has brought. */
  refill(nowMs: number): void {
    // A wall clock that jumps back must not take bytes away.
    const elapsedMs = Math.max(0, nowMs - this.#updatedAtMs)
    this.#updatedAtMs = nowMs
    const refilled = this.#bytes + (elapsedMs / 1000) * this.#bytesPerSecond
    this.#bytes = Math.min(this.#capacity, refilled)
  }

  /** Whole bytes as of the last refill, never below zero. */
  get available(): number {
    return Math.max(0, Math.floor(this.#bytes))
  }

  spend(bytes: number): void {
    this.#bytes = Math.max(-this.#capacity, this.#bytes - bytes)
  }
}
