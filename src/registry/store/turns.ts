interface Job {
  run(): Promise<void>
}

/**
 * Jobs one at a time. Urgent ones go before all that wait, so that a local write waits for the job
 * under way at most, whatever peers have sent. Its callers bound how many wait.
 */
export class Turns {
  readonly #urgent: Job[] = []
  readonly #usual: Job[] = []
  #isRunning = false

  /** Resolves to what `work` returns. @throws what it throws; the next job runs all the same. */
  take<T>(work: () => Promise<T>, urgency: 'urgent' | 'usual' = 'usual'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const job = { run: () => work().then(resolve, reject) }
      if (urgency === 'urgent') this.#urgent.push(job)
      else this.#usual.push(job)
      if (!this.#isRunning) void this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    for (let job = this.#next(); job !== undefined; job = this.#next()) await job.run()
    this.#isRunning = false
  }

  #next(): Job | undefined {
    return this.#urgent.shift() ?? this.#usual.shift()
  }
}
