import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** As the node measures its own. */
const RESOLUTION_MS = 20
const WINDOW_MS = 60_000
const TELL_EVERY_MS = 1000

/** How late a loop is that has nothing to do: what the machine adds to that of anybody. */
export class IdleLoop {
  #worker: Worker | null = null
  #p99Ms = 0

  start(): void {
    this.#worker = new Worker(new URL(import.meta.url))
    this.#worker.on('message', (p99Ms: number) => {
      this.#p99Ms = p99Ms
    })
    this.#worker.unref()
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate()
  }

  /** The worse of the current and the last whole minute. */
  get p99Ms(): number {
    return this.#p99Ms
  }
}

if (!isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let last = 0
  const p99Ms = () => Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS)
  setInterval(() => parentPort?.postMessage(Math.max(p99Ms(), last)), TELL_EVERY_MS)
  setInterval(() => {
    last = p99Ms()
    histogram.reset()
  }, WINDOW_MS)
}
