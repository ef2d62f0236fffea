const RUSH_FACTOR = 5

/** How fast everything happens in a process of the rig. */
export class Pace {
  readonly #now: () => number
  readonly #rushUntilMs: number

  /** @param rushMs from now on all goes faster for so long */
  constructor(rushMs: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.#rushUntilMs = now() + rushMs
  }

  /** @returns how long something is to take that takes `ms` as a rule */
  of(ms: number): number {
    return this.#now() < this.#rushUntilMs ? ms / RUSH_FACTOR : ms
  }
}
