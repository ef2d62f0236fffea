import { withDeadline } from '../lib/deadline.ts'

/** Each of eight steps; the node ends all of them sooner. */
const STEP_MS = 1000

interface StopStep {
  readonly name: string
  readonly stop: () => Promise<void>
}

/** What was started, to be undone in reverse. */
export class StopSteps {
  readonly #onFailed: (error: unknown) => void
  readonly #steps: StopStep[] = []

  constructor(onFailed: (error: unknown) => void) {
    this.#onFailed = onFailed
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0
  }

  push(name: string, stop: () => Promise<void>): void {
    this.#steps.push({ name, stop })
  }

  /** A step that fails or hangs does not keep the others back. */
  async unwind(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name, stop } = step
      try {
        await withDeadline(stop, { ms: STEP_MS, label: `stopping ${name}` })
      } catch (error) {
        this.#onFailed(error)
      }
    }
  }
}
