/** Work for remote peers in one turn of the event loop; the rest of the node has as much and more. */
const SLICE_MS = 5
/** Of those that wait, so many go on at once, each with one piece of work at least. */
const RESUMED_AT_ONCE = 8

/**
 * Divides work among turns of the event loop. What a socket brought at once, libraries read in one go: a
 * thousand small requests, each handled without ever waiting, hold up timers and everybody else for as long
 * as all of them take. Whoever asks here before each waits when the turn has done its share, and goes on in
 * the order of asking. Each waiting reader waits once, so there are no more than streams.
 */
export class Turns {
  readonly #now: () => number
  readonly #waiting: (() => void)[] = []
  #beganAtMs: number | null = null

  /** @param now ms, monotonic. @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** @returns null when the work may be done now, else what to wait for */
  take(): Promise<void> | null {
    const nowMs = this.#now()
    if (this.#beganAtMs === null) {
      this.#beganAtMs = nowMs
      setImmediate(() => this.#begin())
    }
    if (nowMs - this.#beganAtMs < SLICE_MS) return null
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #begin(): void {
    this.#beganAtMs = null
    if (this.#waiting.length === 0) return
    this.#beganAtMs = this.#now()
    setImmediate(() => this.#begin())
    for (const resume of this.#waiting.splice(0, RESUMED_AT_ONCE)) resume()
  }
}
