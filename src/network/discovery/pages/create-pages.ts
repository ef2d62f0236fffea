import type { Clock } from '../../../lib/clock.ts'
import type { Logger, Metrics } from '../../../telemetry/index.ts'
import type { Host } from '../../host.ts'
import type { Relay } from '../../relay/index.ts'
import { createPagesMetrics } from './metrics.ts'
import { Pages } from './pages.ts'

export interface CreatePagesComponents {
  readonly host: Host
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

/** Who tells a relay's clients of each other, not started; null where there is no relay. */
export function createPages(relay: Relay | null, components: CreatePagesComponents): Pages | null {
  if (relay === null) return null
  const { host, logger, metrics, clock } = components
  const { reservations, clients } = relay.status().limits
  const pages: Pages = new Pages(
    {
      protocol: host.names.pages,
      // No more can be reached here at a time.
      limit: reservations.total + (clients?.reservations.total ?? 0),
    },
    {
      transport: host.transport,
      reservations: () => {
        const held = relay.status().reservations.filter(({ isConnected }) => isConnected)
        return new Set(held.map(({ client }) => client.peerId))
      },
      logger: logger.child('pages'),
      metrics: createPagesMetrics(metrics, {
        streams: () => pages.streams,
        present: () => pages.present,
      }),
      clock,
    },
  )
  return pages
}
