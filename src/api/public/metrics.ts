import type { Metrics } from '../../telemetry/index.ts'
import type { PublicEndpoint } from './options.ts'

/** How a request ended; `told`: a client of another network or version that was given the reason. */
export type PublicOutcome =
  | 'ok'
  | 'not_modified'
  | 'empty'
  | 'refused'
  | 'limited'
  | 'told'
  | 'invalid'
  | 'failed'

export type PublicMetrics = ReturnType<typeof createPublicMetrics>

export function createPublicMetrics(metrics: Metrics, countConnections: () => Promise<number>) {
  const requests = metrics.counter({
    name: 'wesense_public_requests_total',
    help: 'Requests to the public listener, by endpoint and how they ended',
    labels: ['endpoint', 'outcome'],
  })
  const duration = metrics.histogram({
    name: 'wesense_public_request_duration_seconds',
    help: 'Time from the headers of a request to the public listener to the end of its answer',
    labels: ['endpoint'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2, 10],
  })
  const closed = metrics.counter({
    name: 'wesense_public_connections_refused_total',
    help: 'Connections to the public listener closed at once because their client has enough of them, or TLS begins too often',
  })
  const told = metrics.counter({
    name: 'wesense_public_clients_told_total',
    help: 'Requests of clients of another network or protocol version, which were told so',
    labels: ['reason'],
  })
  metrics.gauge({
    name: 'wesense_public_connections',
    help: 'Open connections to the public listener',
    collect: async (gauge) => gauge.set(await countConnections()),
  })
  return {
    answered: (endpoint: PublicEndpoint | 'other', outcome: PublicOutcome, seconds: number) => {
      requests.inc({ endpoint, outcome })
      duration.observe({ endpoint }, seconds)
    },
    connectionRefused: () => closed.inc(),
    told: (reason: 'network' | 'protocol') => told.inc({ reason }),
  }
}
