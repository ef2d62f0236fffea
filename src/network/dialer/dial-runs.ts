import type { Logger } from '../../telemetry/index.ts'

/** What is dialled: marked while a dial is under way, so that there is one at a time. */
export interface DialTarget {
  isDialing: boolean
}

export interface DialRunsComponents {
  readonly logger: Logger
  readonly onEnded: () => void
}

/** The dials under way, all of which end with `stop()`. Whoever begins one bounds how many there are. */
export class DialRuns {
  readonly #components: DialRunsComponents
  readonly #running = new Set<Promise<void>>()
  #controller = new AbortController()

  constructor(components: DialRunsComponents) {
    this.#components = components
  }

  get size(): number {
    return this.#running.size
  }

  /** Aborted while stopped. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  start(): void {
    this.#controller = new AbortController()
  }

  /** Cuts short what is under way; `settled()` waits for its end. */
  abort(): void {
    this.#controller.abort()
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  begin(target: DialTarget, job: (signal: AbortSignal) => Promise<void>): void {
    target.isDialing = true
    const running = job(this.signal)
      .catch((error) => this.#components.logger.error({ error }, 'dial ended unexpectedly'))
      .finally(() => {
        target.isDialing = false
        this.#running.delete(running)
        this.#components.onEnded()
      })
    this.#running.add(running)
  }
}
