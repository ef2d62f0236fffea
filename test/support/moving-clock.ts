import { setTimeout as delay } from 'node:timers/promises'

import type { Clock } from '../../src/lib/clock.ts'

/**
 * Real time from a moment of our choice on, and leaps: whoever sleeps past one is woken, and so is everybody
 * when it is set back.
 */
export class MovingClock implements Clock {
  readonly #sleepers = new Set<{ readonly dueMs: number; wake(): void }>()
  #offsetMs: number
  /** Sleeps begun so far: one more means that whoever was woken has done its work and sleeps again. */
  sleepsBegun = 0

  constructor(nowMs: number) {
    this.#offsetMs = nowMs - Date.now()
  }

  now(): number {
    return Date.now() + this.#offsetMs
  }

  advance(ms: number): void {
    this.#offsetMs += ms
    for (const sleeper of [...this.#sleepers]) {
      if (ms < 0 || sleeper.dueMs <= this.now()) sleeper.wake()
    }
  }

  moveTo(nowMs: number): void {
    this.advance(nowMs - this.now())
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleepsBegun += 1
    const woken = new AbortController()
    const sleeper = { dueMs: this.now() + ms, wake: () => woken.abort() }
    this.#sleepers.add(sleeper)
    const signals = signal === undefined ? [woken.signal] : [woken.signal, signal]
    try {
      await delay(ms, undefined, { signal: AbortSignal.any(signals), ref: false })
    } catch (error) {
      if (signal?.aborted === true || !woken.signal.aborted) throw signal?.reason ?? error
    } finally {
      this.#sleepers.delete(sleeper)
    }
  }
}
