import { backoffMs } from '../../lib/backoff.ts'
import { isLately } from '../../lib/clock.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

const MAX_DELAY_MS = 15 * MINUTE_MS
/** Two NATs that let no direct connection through will not do so soon. */
const NOT_UPGRADED_DELAY_MS = 60 * MINUTE_MS
/** Until a host that was dialled as often as strangers may have it dialled can be once more. */
const PAUSE_MS = 10 * SECOND_MS
/** For those whose place is known by a dial or a look-up only: for all others it is looked at each second. */
const CROWD_DELAY_MS = 50 * SECOND_MS
/** A connection that lasted this long proves the peer useful; a shorter one counts as a failure. */
export const PROVEN_AFTER_MS = MINUTE_MS
/**
 * An isolated station has nothing else to do and nobody to burden but the few peers that it knows to be
 * good: after an outage of its own link it is back within a minute, not within a quarter of an hour.
 */
const ISOLATED_CAP_MS = MINUTE_MS

/** When a target may be dialled again. */
export interface Retry {
  readonly failures: number
  readonly lastAttemptMs: number
  readonly delayMs: number
  /** Set by a refusal: being isolated does not shorten this delay. */
  readonly isFixed: boolean
  /** Enough were connected where it is, when it was looked at last: all others come first. @default false */
  readonly isCrowded?: boolean
}

export const FRESH: Retry = { failures: 0, lastAttemptMs: 0, delayMs: 0, isFixed: false }

export interface RetryPolicy {
  /** Delay after the first failure; it doubles up to 15 min. */
  readonly minDelayMs: number
  /** Delays are cut to `ISOLATED_CAP_MS` while this node has no connection at all. */
  readonly isCappedWhenIsolated: boolean
}

/** A seed that starts seconds after us is the common case of a compose file: first retries are quick. */
export const SEED_POLICY: RetryPolicy = { minDelayMs: SECOND_MS, isCappedWhenIsolated: true }
export const ADDRESS_BOOK_POLICY: RetryPolicy = {
  minDelayMs: 5 * SECOND_MS,
  isCappedWhenIsolated: true,
}
export const CANDIDATE_POLICY: RetryPolicy = {
  minDelayMs: 5 * SECOND_MS,
  isCappedWhenIsolated: false,
}

export function afterFailure(
  retry: Retry,
  policy: RetryPolicy,
  nowMs: number,
  random: () => number,
): Retry {
  const delayMs = backoffMs({
    attempt: retry.failures,
    minMs: policy.minDelayMs,
    maxMs: MAX_DELAY_MS,
    random,
  })
  return { failures: retry.failures + 1, lastAttemptMs: nowMs, delayMs, isFixed: false }
}

/** While connected; how long the connection lasts decides what its end means. */
export function afterSuccess(retry: Retry, nowMs: number): Retry {
  return { ...retry, lastAttemptMs: nowMs, isFixed: false, isCrowded: false }
}

/** For an answer that more tries will not change: the wrong peer, ourselves. */
export function afterRefusal(retry: Retry, nowMs: number, random: () => number): Retry {
  return fixed(retry, MAX_DELAY_MS, nowMs, random)
}

/** For one that was not dialled, because others of its host were: that says nothing of itself. */
export function afterPause(retry: Retry, nowMs: number, random: () => number): Retry {
  const delayMs = backoffMs({ attempt: 0, minMs: PAUSE_MS, maxMs: PAUSE_MS, random })
  return { ...retry, lastAttemptMs: nowMs, delayMs, isFixed: true }
}

/**
 * For one of whose subnet enough peers are connected: that says nothing of itself either, and whenever
 * those leave it may be the one to turn to.
 */
export function afterCrowd(retry: Retry, nowMs: number, random: () => number): Retry {
  const ms = CROWD_DELAY_MS
  const delayMs = backoffMs({ attempt: 0, minMs: ms, maxMs: ms, random })
  return { ...retry, lastAttemptMs: nowMs, delayMs, isFixed: false, isCrowded: true }
}

/** For a peer behind a relay with which no direct connection came about. */
export function afterNoUpgrade(retry: Retry, nowMs: number, random: () => number): Retry {
  return fixed(retry, NOT_UPGRADED_DELAY_MS, nowMs, random)
}

function fixed(retry: Retry, ms: number, nowMs: number, random: () => number): Retry {
  const delayMs = backoffMs({ attempt: 0, minMs: ms, maxMs: ms, random })
  return { failures: retry.failures + 1, lastAttemptMs: nowMs, delayMs, isFixed: true }
}

/** After a connection ended: one that lasted clears the past, one that did not is one more failure. */
export function afterDisconnect(
  retry: Retry,
  policy: RetryPolicy,
  times: { readonly connectedAtMs: number; readonly nowMs: number },
  random: () => number,
): Retry {
  const isProven = times.nowMs - times.connectedAtMs >= PROVEN_AFTER_MS
  const past = isProven ? FRESH : retry
  const next = afterFailure(past, policy, times.nowMs, random)
  return isProven ? { ...next, failures: 0 } : next
}

/** Whether it may be dialled now. */
export function isDue(
  retry: Retry,
  policy: RetryPolicy,
  { isIsolated, nowMs }: { readonly isIsolated: boolean; readonly nowMs: number },
): boolean {
  const isCapped = isIsolated && policy.isCappedWhenIsolated && !retry.isFixed
  const delayMs = isCapped ? Math.min(retry.delayMs, ISOLATED_CAP_MS) : retry.delayMs
  return !isLately(retry.lastAttemptMs, delayMs, nowMs)
}
