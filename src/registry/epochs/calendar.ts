import { DAY_MS } from '../constants.ts'

/** An epoch is 14 days, UTC, counted from 1970: its number is part of every database name. */
export const EPOCH_MS = 14 * DAY_MS

/**
 * The next epoch is opened for reading this long before it begins. Peers whose clocks are ahead are in
 * it already; what they write can be joined as soon as our clock allows it, ten minutes before the turn.
 */
export const EARLY_MS = 6 * 3_600_000

/** Which epochs matter at one moment, both ends included. */
export interface EpochWindow {
  /** What is on disk of it and of those after it is read. */
  readonly oldest: number
  /** It and those after it are replicated: four topics each, and a peer may have some fifty. */
  readonly replicated: number
  /** The one that is written to. */
  readonly current: number
  readonly newest: number
}

/** The epoch of a moment. @param ms since 1970 */
export function epochAt(ms: number): number {
  return Math.max(0, Math.floor(ms / EPOCH_MS))
}

/** The first moment of an epoch, ms since 1970. */
export function startOfEpoch(epoch: number): number {
  return epoch * EPOCH_MS
}

/**
 * What is open now. An epoch is replicated until the one after the next begins, for by then all that lives
 * has been written again. It stays open for reading until the time to live has passed since its end: by
 * then nothing in it counts as fresh any more. @param ttlMs at most a year, so at most 28 are open
 */
export function windowAt(nowMs: number, ttlMs: number): EpochWindow {
  const current = epochAt(nowMs)
  return {
    oldest: Math.min(current, epochAt(nowMs - ttlMs)),
    replicated: Math.max(current - 1, Math.min(current, epochAt(nowMs - ttlMs))),
    current,
    newest: epochAt(nowMs + EARLY_MS),
  }
}

/** The numbers of those that are replicated, the oldest first: three at most. */
export function replicatedIn({ replicated, newest }: EpochWindow): number[] {
  return Array.from({ length: newest - replicated + 1 }, (_, i) => replicated + i)
}
