import type { RelayPolicyOptions } from './policy/types.ts'
import type { RelayLimits } from './types.ts'

/** What makes a node a relay. */
export interface RelayOptions {
  readonly policy: RelayPolicyOptions
  /** @default those of the host's limits, which follow the memory */
  readonly limits?: RelayLimits
  /** File that keeps the month's bytes over restarts; null keeps them in memory. */
  readonly quotaPath: string | null
  /** Give thin clients a share of their own, where the policy is `registry` or `trusted`. @default false */
  readonly hasClients?: boolean
}
