import { PublicError } from './errors.ts'

/** Pages that are being made at a time. */
const LIMIT_MAKING = 2
/** That wait for it, of those that nobody was led to: some seconds of work. */
const LIMIT_WAITING = 16
const RETRY_SECONDS = 5

/**
 * Whose turn it is to make a page. A page that a reader comes to from the first one goes before those that begin where
 * a stranger says, of which there may be as many as records.
 */
export class PageTurns {
  readonly #led: (() => void)[] = []
  readonly #others: (() => void)[] = []
  #making = 0

  /**
   * @param isLed whether the page before it led to this one
   * @throws PublicError NOT_READY when too many wait
   */
  async take<T>(isLed: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#making >= LIMIT_MAKING) {
      if (!isLed && this.#others.length >= LIMIT_WAITING) {
        const headers = { 'retry-after': String(RETRY_SECONDS) }
        throw new PublicError('NOT_READY', 'too many are reading: try again', { headers })
      }
      await new Promise<void>((resolve) => (isLed ? this.#led : this.#others).push(resolve))
    } else {
      this.#making += 1
    }
    try {
      return await work()
    } finally {
      const next = this.#led.shift() ?? this.#others.shift()
      // Its place goes to the next, so that nobody takes it in between.
      if (next === undefined) this.#making -= 1
      else next()
    }
  }
}
