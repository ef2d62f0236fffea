import { DeadlineError, withDeadline } from '../lib/deadline.ts'
import type { Logger } from '../telemetry/index.ts'

interface StopStep {
  readonly name: string
  readonly limitMs: number
  readonly stop: () => Promise<void>
}

/**
 * What has been started, in order, so that it can be stopped in reverse: after a failed start as well
 * as at the end. A step that fails or takes too long is logged and the next one still runs.
 */
export class StopStack {
  readonly #logger: Logger
  #steps: StopStep[] = []
  #unwinding: Promise<void> | null = null

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Starts a part and pushes its end: a part whose `start` throws is stopped like the others. */
  async start(
    name: string,
    part: { start(): Promise<void>; stop(): Promise<void> },
    limitMs: number,
  ): Promise<void> {
    this.push(name, () => part.stop(), limitMs)
    await part.start()
  }

  push(name: string, stop: () => Promise<void>, limitMs: number): void {
    this.#steps.push({ name, stop, limitMs })
  }

  /** Stops everything, last started first. Never throws; a second call waits for the first. */
  unwind(): Promise<void> {
    this.#unwinding ??= this.#unwind().finally(() => {
      this.#unwinding = null
    })
    return this.#unwinding
  }

  async #unwind(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name, stop, limitMs } = step
      const startedAt = performance.now()
      const elapsedMs = () => Math.round(performance.now() - startedAt)
      try {
        await withDeadline(() => stop(), { ms: limitMs, label: `stopping ${name}` })
        this.#logger.debug({ name, ms: elapsedMs() }, 'Part stopped')
      } catch (error) {
        const message =
          error instanceof DeadlineError ? 'Part stops too slowly' : 'Part stops badly'
        this.#logger.warn({ name, ms: elapsedMs(), error }, message)
      }
    }
  }
}
