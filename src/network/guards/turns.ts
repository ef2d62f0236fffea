/** Work for remote peers in one turn of the event loop; the rest of the node has as much and more. */
const SLICE_MS = 5
/**
 * Divides work among turns of the event loop. What a socket brought at once, libraries read in one go: a
 * thousand small requests, each handled without ever waiting, hold up timers and everybody else for as long
 * as all of them take. Whoever asks here before each waits when the turn has done its share, and goes on in
 * the order of asking, as many as fit into a turn and one at least. Each waiting reader waits once, so there are no
 * more than streams.
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
      setImmediate(() => void this.#begin())
    }
    // Nobody overtakes those that wait.
    if (this.#waiting.length === 0 && nowMs - this.#beganAtMs < SLICE_MS) return null
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  async #begin(): Promise<void> {
    this.#beganAtMs = null
    if (this.#waiting.length === 0) return
    const beganAtMs = this.#now()
    this.#beganAtMs = beganAtMs
    setImmediate(() => void this.#begin())
    while (this.#waiting.length > 0 && this.#now() - beganAtMs < SLICE_MS) {
      this.#waiting.shift()?.()
      // Until it has done what it does without a pause.
      await null
    }
  }
}
