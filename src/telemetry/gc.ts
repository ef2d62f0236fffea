import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

import type { Metrics } from './metrics.ts'

const KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak_callbacks',
}

/** What the heap held when it was last collected as a whole: what is alive, little garbage among it. */
export interface CollectedHeap {
  /** null: not collected as a whole yet. */
  readonly liveBytes: number | null
  /** Whole collections so far. */
  readonly collections: number
}

/** Measures every pause for garbage collection, by kind, and what is left after a whole one. */
export class GcMonitor {
  readonly #pauses: ReturnType<typeof createPauses>
  #observer: PerformanceObserver | null = null
  #collected: CollectedHeap = { liveBytes: null, collections: 0 }

  constructor(metrics: Metrics) {
    this.#pauses = createPauses(metrics)
    metrics.gauge({
      name: 'wesense_process_heap_live_bytes',
      help: 'JavaScript heap in use after its last whole collection; 0 before the first',
      collect: (gauge) => gauge.set(this.#collected.liveBytes ?? 0),
    })
  }

  start(): void {
    if (this.#observer !== null) return
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const kind = kindOf(entry)
        this.#pauses.observe({ kind }, entry.duration / 1000)
        if (kind === 'major') this.#noteCollection()
      }
    })
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.#observer?.disconnect()
    this.#observer = null
  }

  get collected(): CollectedHeap {
    return this.#collected
  }

  /** Entries come some milliseconds late: what was allocated since counts as alive. */
  #noteCollection(): void {
    const liveBytes = getHeapStatistics().used_heap_size
    this.#collected = { liveBytes, collections: this.#collected.collections + 1 }
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
