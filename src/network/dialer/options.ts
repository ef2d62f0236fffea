import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { DiscoveryMetrics } from '../discovery/metrics.ts'
import type { Seeds } from '../discovery/seeds.ts'
import type { Candidate } from '../types.ts'
import type { Attempts } from './attempts.ts'
import type { DialPort } from './dial-port.ts'
import type { RelayedDial } from './relayed-dial.ts'

export interface DialerOptions {
  /** Peers wanted; below it candidates are dialled, above it only seeds are. */
  readonly targetPeers: number
  /** Of those, how many are this node's own choice. @default half of them */
  readonly chosenPeers?: number
  readonly maxParallelDials: number
  /** Candidate dials: a burst of so many, then `dialsPerSecond`. @default 20 */
  readonly dialBurst?: number
  /** @default 2 */
  readonly dialsPerSecond?: number
  /** @default 2000 */
  readonly candidateLimit?: number
}

export interface DialerComponents {
  readonly port: DialPort
  readonly seeds: Seeds
  readonly attempts: Attempts
  /** Peers that were reached before, proposed again when nobody is left. */
  readonly addressBook: () => readonly Candidate[]
  readonly logger: Logger
  readonly metrics: DiscoveryMetrics
  readonly clock: Clock
  readonly random: () => number
  /** null: peers behind relays are left alone. @default null */
  readonly relayedDial?: Pick<RelayedDial, 'isWorthwhile'> | null
}
