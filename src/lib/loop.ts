import { type Clock, systemClock } from './clock.ts'

export interface LoopOptions {
  readonly name: string
  /** From the end of one run to the start of the next. */
  readonly intervalMs: number
  /** Share of the interval that is random, 0..1. @default 0 */
  readonly jitter?: number
  /** Waits one interval before the first run. @default false */
  readonly isDelayed?: boolean
  readonly run: (signal: AbortSignal) => Promise<void>
  /** @default systemClock */
  readonly clock?: Clock
  /** A run that throws is reported here and the loop goes on. */
  readonly onError?: (error: unknown) => void
}

/**
 * Lengths of pause that jitter picks from. Of timers that hold up nothing Node 24 keeps a list for each length
 * until its time is over, ended or not: a loop that is woken all the time would have thousands.
 */
const PAUSES = 256

/** Repeats one job for ever without ever overlapping itself; `wake()` brings the next run forward. */
export class Loop {
  readonly #options: LoopOptions
  readonly #clock: Clock
  #controller: AbortController | null = null
  #wakeUp: AbortController = new AbortController()
  #done: Promise<void> | null = null

  constructor(options: LoopOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  start(): void {
    if (this.#controller !== null) return
    const controller = new AbortController()
    this.#controller = controller
    const run = () => this.#loop(controller.signal)
    // Not before the last run of an earlier start has ended, so that the two never overlap.
    const done = (this.#done === null ? run() : this.#done.then(run)).finally(() => {
      if (this.#done === done) this.#done = null
    })
    this.#done = done
  }

  /** Aborts the run under way and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#controller?.abort()
    this.#controller = null
    await this.#done
  }

  /** Runs again as soon as the run under way, if any, has ended. */
  wake(): void {
    this.#wakeUp.abort()
  }

  async #loop(signal: AbortSignal): Promise<void> {
    if (this.#options.isDelayed === true) await this.#pause(signal)
    while (!signal.aborted) {
      // A wake-up from here on, during the run included, shortens the pause after it.
      this.#wakeUp = new AbortController()
      try {
        await this.#options.run(signal)
      } catch (error) {
        if (!signal.aborted) this.#options.onError?.(error)
      }
      if (!signal.aborted) await this.#pause(signal)
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { intervalMs, jitter = 0 } = this.#options
    const share = Math.floor(PAUSES * Math.random()) / PAUSES
    const ms = intervalMs * (1 - jitter + 2 * jitter * share)
    try {
      await this.#clock.sleep(ms, AbortSignal.any([signal, this.#wakeUp.signal]))
    } catch {
      // Stopped or woken: the caller looks at the signal.
    }
  }
}
