export interface BackoffOptions {
  /** 0 for the first retry. */
  readonly attempt: number
  readonly minMs: number
  readonly maxMs: number
  /** Share of the delay that is random, 0..1. @default 0.2 */
  readonly jitter?: number
  /** @default Math.random */
  readonly random?: () => number
}

/**
 * Exponential backoff, doubling from `minMs` to at most `maxMs`, spread evenly by +-`jitter` so that
 * many nodes that lost one peer together do not come back together. @returns whole milliseconds.
 */
export function backoffMs(options: BackoffOptions): number {
  const { attempt, minMs, maxMs, jitter = 0.2, random = Math.random } = options
  // 2^30 doublings exceed any sensible maximum and still stay exact.
  const base = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, attempt), 30))
  return Math.round(base * (1 - jitter + 2 * jitter * random()))
}
