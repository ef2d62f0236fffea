import type { Metrics } from '../telemetry/index.ts'
import type { HttpErrorCode } from './errors.ts'

// Any token is a valid method to some parser; as a label it must come from a short list.
const METHODS = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST'])

export interface AnsweredRequest {
  readonly method: string
  /** The route's pattern; undefined when none matched. */
  readonly route: string | undefined
  readonly status: number
  readonly seconds: number
}

export type ApiMetrics = ReturnType<typeof createApiMetrics>

export function createApiMetrics(metrics: Metrics, countConnections: () => Promise<number>) {
  const requests = metrics.counter({
    name: 'wesense_api_requests_total',
    help: 'HTTP requests answered, by method, route pattern and status class',
    labels: ['method', 'route', 'status'],
  })
  const duration = metrics.histogram({
    name: 'wesense_api_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its answer',
    labels: ['route'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10],
  })
  const errors = metrics.counter({
    name: 'wesense_api_errors_total',
    help: 'HTTP requests answered with an error, by its code',
    labels: ['code'],
  })
  const refusedConnections = metrics.counter({
    name: 'wesense_api_connections_refused_total',
    help: 'Connections to the HTTP API closed at once, since their caller, or strangers together, had too many',
  })
  metrics.gauge({
    name: 'wesense_api_connections',
    help: 'Open connections to the HTTP API',
    collect: async (gauge) => gauge.set(await countConnections()),
  })
  return {
    answered: ({ method, route = 'none', status, seconds }: AnsweredRequest): void => {
      const label = METHODS.has(method) ? method : 'other'
      requests.inc({ method: label, route, status: `${Math.floor(status / 100)}xx` })
      duration.observe({ route }, seconds)
    },
    failed: (code: HttpErrorCode): void => errors.inc({ code }),
    refusedConnection: (): void => refusedConnections.inc(),
  }
}
