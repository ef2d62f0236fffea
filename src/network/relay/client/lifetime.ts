import { MAX_LIFETIME_MS, MIN_LIFETIME_MS, REFRESH_SHARE, REFRESH_SPREAD } from './constants.ts'

export interface Lifetime {
  readonly expiresAtMs: number
  readonly refreshAtMs: number
}

/**
 * How long a reservation is taken to hold, and when it is asked for again. The relay's word is an absolute
 * time of its own clock: what it says is believed within bounds that are harmless whichever clock is wrong.
 * @param expireSeconds seconds since 1970, as received
 * @param random 0..1, so that stations that came together do not refresh together
 */
export function lifetimeOf(expireSeconds: bigint, nowMs: number, random: () => number): Lifetime {
  const toldMs = Number(expireSeconds) * 1000 - nowMs
  const lifetimeMs = Math.min(MAX_LIFETIME_MS, Math.max(MIN_LIFETIME_MS, toldMs))
  const share = REFRESH_SHARE + REFRESH_SPREAD * random()
  return { expiresAtMs: nowMs + lifetimeMs, refreshAtMs: nowMs + Math.round(lifetimeMs * share) }
}
