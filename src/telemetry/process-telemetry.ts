import { type EventLoopDelay, EventLoopMonitor } from './event-loop.ts'
import { GcMonitor } from './gc.ts'
import type { Metrics } from './metrics.ts'
import { registerProcessMetrics } from './process-metrics.ts'

/** Everything that is measured of the process itself, with one owner to start and stop it. */
export interface ProcessTelemetry {
  start(): void
  stop(): void
  /** All zero while stopped. */
  eventLoopDelay(): EventLoopDelay
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
  }
}
