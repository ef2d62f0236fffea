import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Logger } from '../../telemetry/index.ts'

/** Enough for whoever counts them to act; peer IDs without end must not fill the disk. */
const BURST = 100
const PER_SECOND = 1

/** A logger whose warnings keep a pace. */
export function pacedLogger(
  logger: Logger,
  clock: Pick<Clock, 'now'>,
  onSuppressed: () => void,
): Logger {
  const bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
  return {
    ...logger,
    warn: (fields, message) => {
      if (bucket.tryTake()) logger.warn(fields, message)
      else onSuppressed()
    },
  }
}
