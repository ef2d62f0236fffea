import { getHeapStatistics } from 'node:v8'

import { type EventLoopDelay, EventLoopMonitor } from './event-loop.ts'
import { type CollectedHeap, GcMonitor } from './gc.ts'
import type { Metrics } from './metrics.ts'
import { registerProcessMetrics } from './process-metrics.ts'

/** What the heap holds and may hold, bytes. */
export interface HeapUse extends CollectedHeap {
  /** Garbage included. */
  readonly usedBytes: number
  readonly limitBytes: number
}

/** Everything that is measured of the process itself, with one owner to start and stop it. */
export interface ProcessTelemetry {
  start(): void
  stop(): void
  /** All zero while stopped. */
  eventLoopDelay(): EventLoopDelay
  heap(): HeapUse
}

export function createProcessTelemetry(metrics: Metrics): ProcessTelemetry {
  registerProcessMetrics(metrics)
  const eventLoop = new EventLoopMonitor(metrics)
  const gc = new GcMonitor(metrics)
  return {
    start: () => {
      eventLoop.start()
      gc.start()
    },
    stop: () => {
      gc.stop()
      eventLoop.stop()
    },
    eventLoopDelay: () => eventLoop.read(),
    heap: () => {
      // Asked for each entry: nothing here may ask the system.
      const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics()
      return { ...gc.collected, usedBytes, limitBytes }
    },
  }
}
