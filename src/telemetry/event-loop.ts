import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

import type { Metrics } from './metrics.ts'

/** A coarser timer wakes an idle process less often; a block worth knowing is longer than this. */
const RESOLUTION_MS = 20
const WINDOW_MS = 60_000

export interface EventLoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const NO_DELAY: EventLoopDelay = { p50Ms: 0, p99Ms: 0, maxMs: 0 }

/**
 * How late timers run. Each figure is the worse of the current and the last whole minute: reading
 * resets nothing, so any number of readers see the same, and a scrape each minute misses no peak.
 */
export class EventLoopMonitor {
  #histogram: ELDHistogram | null = null
  #timer: NodeJS.Timeout | null = null
  #last: EventLoopDelay = NO_DELAY

  constructor(metrics: Metrics) {
    metrics.gauge({
      name: 'wesense_event_loop_delay_seconds',
      help: 'How late timers ran in the last one to two minutes, by quantile',
      labels: ['quantile'],
      collect: (gauge) => {
        const { p50Ms, p99Ms, maxMs } = this.read()
        gauge.set({ quantile: 'p50' }, p50Ms / 1000)
        gauge.set({ quantile: 'p99' }, p99Ms / 1000)
        gauge.set({ quantile: 'max' }, maxMs / 1000)
      },
    })
  }

  start(): void {
    if (this.#histogram !== null) return
    this.#last = NO_DELAY
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS).unref()
  }

  stop(): void {
    this.#histogram?.disable()
    this.#histogram = null
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** All zero while stopped. */
  read(): EventLoopDelay {
    if (this.#histogram === null) return NO_DELAY
    const current = delayOf(this.#histogram)
    return {
      p50Ms: Math.max(current.p50Ms, this.#last.p50Ms),
      p99Ms: Math.max(current.p99Ms, this.#last.p99Ms),
      maxMs: Math.max(current.maxMs, this.#last.maxMs),
    }
  }

  #turn(): void {
    if (this.#histogram === null) return
    this.#last = delayOf(this.#histogram)
    this.#histogram.reset()
  }
}

function delayOf(histogram: ELDHistogram): EventLoopDelay {
  if (histogram.count === 0) return NO_DELAY
  return {
    p50Ms: lateMs(histogram.percentile(50)),
    p99Ms: lateMs(histogram.percentile(99)),
    maxMs: lateMs(histogram.max),
  }
}

/** The histogram holds whole intervals between ticks: what is beyond the interval is the delay. */
function lateMs(intervalNs: number): number {
  return Math.max(0, Math.round((intervalNs / 1e6 - RESOLUTION_MS) * 10) / 10)
}
