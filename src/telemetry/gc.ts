import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'

import type { Metrics } from './metrics.ts'

const KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak_callbacks',
}

/** Measures every pause for garbage collection, by kind. */
export class GcMonitor {
  readonly #pauses: ReturnType<typeof createPauses>
  #observer: PerformanceObserver | null = null

  constructor(metrics: Metrics) {
    this.#pauses = createPauses(metrics)
  }

  start(): void {
    if (this.#observer !== null) return
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#pauses.observe({ kind: kindOf(entry) }, entry.duration / 1000)
      }
    })
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.#observer?.disconnect()
    this.#observer = null
  }
}

function createPauses(metrics: Metrics) {
  return metrics.histogram({
    name: 'wesense_gc_pause_seconds',
    help: 'Pauses for garbage collection, by kind',
    labels: ['kind'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
  })
}

function kindOf(
  entry: PerformanceEntry & { readonly detail?: { readonly kind?: number } },
): string {
  return KINDS[entry.detail?.kind ?? -1] ?? 'other'
}
