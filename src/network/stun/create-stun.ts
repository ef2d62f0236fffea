import type { Clock } from '../../lib/clock.ts'
import type { Logger, Metrics } from '../../telemetry/index.ts'
import type { NetworkOptions } from '../network-options.ts'
import { createStunMetrics } from './metrics.ts'
import { STUN_RATES, StunServer } from './server.ts'

interface Components {
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
}

/** Listens wherever the peer's own listeners do; null where STUN is not served. */
export function createStun(
  { stun, listen }: Pick<NetworkOptions, 'stun' | 'listen'>,
  { metrics, logger, clock }: Components,
): StunServer | null {
  if (stun == null) return null
  return new StunServer(
    { hosts: listen.hosts, port: stun.port, rates: STUN_RATES },
    { metrics: createStunMetrics(metrics), logger: logger.child('stun'), clock },
  )
}
