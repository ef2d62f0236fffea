import type { Clock } from '../../lib/clock.ts'
import { MAX_CLOCK_AHEAD_MS } from '../constants.ts'
import { RegistryError } from '../errors.ts'

/** The clock of our entries in one log: the wall clock, and always later than the last. */
export class OwnClock {
  readonly #clock: Clock
  #lastMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For the next entry, ms; `note` it once it may have reached the disk. @throws RegistryError `CLOCK_AHEAD` */
  next(): number {
    const nowMs = this.#clock.now()
    const time = Math.max(nowMs, this.#lastMs + 1)
    if (time <= nowMs + MAX_CLOCK_AHEAD_MS) return time
    const message = 'our last entry is far in the future: was the clock of this machine set back?'
    throw new RegistryError('CLOCK_AHEAD', message)
  }

  /** An entry of ours has this clock. */
  note(timeMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, timeMs)
  }
}
