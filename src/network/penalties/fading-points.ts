import type { Clock } from '../../lib/clock.ts'

/** Half of what was done is forgotten after this long. */
const HALF_LIFE_MS = 10 * 60_000
/** Offences that are remembered by name. */
const OFFENCES_LIMIT = 4

/** Points that fade, and what they were given for. */
export class FadingPoints {
  readonly #steady: Pick<Clock, 'now'>
  #points = 0
  #updatedAtMs: number
  #offences: readonly string[] = []

  constructor(steady: Pick<Clock, 'now'>) {
    this.#steady = steady
    this.#updatedAtMs = steady.now()
  }

  get now(): number {
    const ageMs = Math.max(0, this.#steady.now() - this.#updatedAtMs)
    return this.#points * 0.5 ** (ageMs / HALF_LIFE_MS)
  }

  /** The latest last. */
  get offences(): readonly string[] {
    return this.#offences
  }

  /** @param limit what the points of this offence cannot go beyond; what is there stays. @returns the points now */
  add(points: number, offence: string, limit = Number.POSITIVE_INFINITY): number {
    const before = this.now
    this.#points = Math.max(before, Math.min(before + points, limit))
    this.#updatedAtMs = this.#steady.now()
    const others = this.#offences.filter((known) => known !== offence)
    this.#offences = [...others, offence].slice(-OFFENCES_LIMIT)
    return this.#points
  }

  /** Puts back what was saved so long ago. */
  restore(points: number, offences: readonly string[], ageMs: number): void {
    this.#points = points * 0.5 ** (Math.max(0, ageMs) / HALF_LIFE_MS)
    this.#updatedAtMs = this.#steady.now()
    this.#offences = offences.slice(-OFFENCES_LIMIT)
  }
}
