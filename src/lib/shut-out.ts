import { BoundedMap } from './bounded-map.ts'
import { type Clock, systemClock } from './clock.ts'

export interface ShutOutOptions {
  /** How long each is shut out, ms. */
  readonly ms: number
  /** Most that are remembered. */
  readonly limit: number
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>
}

/** Who may not come for a while. */
export class ShutOut {
  readonly #ms: number
  readonly #clock: Pick<Clock, 'now'>
  readonly #since: BoundedMap<string, number>

  constructor({ ms, limit, clock = systemClock }: ShutOutOptions) {
    this.#ms = ms
    this.#clock = clock
    this.#since = new BoundedMap({ limit, isSpent: (sinceMs) => !this.#isOut(sinceMs) })
  }

  /** From now on. */
  add(key: string): void {
    this.#since.set(key, this.#clock.now())
  }

  has(key: string): boolean {
    const sinceMs = this.#since.peek(key)
    return sinceMs !== undefined && this.#isOut(sinceMs)
  }

  #isOut(sinceMs: number): boolean {
    // However the clock was set.
    return Math.abs(this.#clock.now() - sinceMs) < this.#ms
  }
}
