/**
 * Telemetry: what the node says about itself. Owns the logger and the metrics registry.
 * It knows nothing of peers, records or requests: each domain makes its own metrics and lines.
 * Invariants: one record is one line; nothing a remote wrote reaches a line unescaped; no secret
 * reaches a line or a label.
 */
export { createLogger, type LogFormat, type Logger, silentLogger } from './logger.ts'
export { createMetrics, type Metrics } from './metrics.ts'
export { readProcessMemory } from './process-metrics.ts'
export { createProcessTelemetry, type HeapUse, type ProcessTelemetry } from './process-telemetry.ts'
