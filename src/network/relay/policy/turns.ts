/** So many at a time, so many waiting in order; beyond that the answer is no at once. */
export class Turns {
  readonly #limits: { readonly concurrency: number; readonly queue: number }
  readonly #waiting: (() => void)[] = []
  #underWay = 0

  constructor(limits: { readonly concurrency: number; readonly queue: number }) {
    this.#limits = limits
  }

  get isFull(): boolean {
    const { concurrency, queue } = this.#limits
    return this.#underWay >= concurrency && this.#waiting.length >= queue
  }

  /**
   * Runs the work in its turn. Not to be called while it is full.
   * @throws the signal's reason when it is aborted first, or what the work throws.
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#take(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The next one takes over this place, so that nobody gets in between.
      if (next === undefined) this.#underWay -= 1
      else next()
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#underWay < this.#limits.concurrency) {
      this.#underWay += 1
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const index = this.#waiting.indexOf(proceed)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(signal.reason)
      }
      const proceed = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      this.#waiting.push(proceed)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
