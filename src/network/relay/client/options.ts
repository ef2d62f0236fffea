import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { RelayClientMetrics } from './metrics.ts'
import type { RelayClientPort } from './types.ts'

export interface RelayClientOptions {
  /** Relays to hold a reservation with. @default 2 */
  readonly relaysWanted?: number
}

export interface RelayClientComponents {
  readonly port: RelayClientPort
  /** Whether this node cannot be reached without a relay. */
  readonly isNeeded: () => boolean
  readonly metrics: RelayClientMetrics
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
}
