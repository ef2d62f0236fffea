import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 250

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Asks an API four times a second, one call after the other, until it is stopped. */
export class ApiLatency {
  readonly #url: string
  #times: number[] = []
  #isStopped = false
  #failed = 0

  constructor(apiUrl: string) {
    this.#url = `${apiUrl}/nodes`
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
  }

  get failed(): number {
    return this.#failed
  }

  /** Of the calls since the last time. */
  take(): Latency {
    const sorted = this.#times.splice(0).sort((a, b) => a - b)
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedAtMs = performance.now()
      try {
        const response = await fetch(this.#url, { signal: AbortSignal.timeout(30_000) })
        await response.text()
        this.#times.push(performance.now() - startedAtMs)
      } catch {
        if (!this.#isStopped) this.#failed += 1
      }
      await delay(EVERY_MS)
    }
  }
}
