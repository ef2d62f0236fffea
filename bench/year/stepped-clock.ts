import type { Clock } from '../../src/lib/clock.ts'

/** A clock that stands still between steps; whoever sleeps past a step is woken by it. */
export class SteppedClock implements Clock {
  readonly #sleepers = new Set<{ readonly dueMs: number; wake(): void }>()
  #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  step(ms: number): void {
    this.#nowMs += ms
    for (const sleeper of [...this.#sleepers]) if (sleeper.dueMs <= this.#nowMs) sleeper.wake()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#sleepers.delete(sleeper)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = () => end(() => reject(signal?.reason))
      const sleeper = { dueMs: this.#nowMs + ms, wake: () => end(resolve) }
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', onAbort)
    })
  }
}
