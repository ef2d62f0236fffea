const MINUTE_MS = 60_000

/**
 * What a relay says of its reservation's end is believed between these. Below, a clock that is wrong on either side
 * would have us ask without end; above, a place would be lost unnoticed: relays of this network give half an hour.
 */
const MIN_LIFETIME_MS = 2 * MINUTE_MS
const MAX_LIFETIME_MS = 30 * MINUTE_MS
/** A reservation is refreshed after half of its life, at the latest after two thirds. */
const REFRESH_SHARE = 0.5
const REFRESH_SPREAD = 0.15

export interface Lifetime {
  readonly expiresAtMs: number
  readonly refreshAtMs: number
}

/**
 * How long a reservation is taken to hold, and when it is asked for again. The relay's word is an absolute
 * time of its own clock: what it says is believed within bounds that are harmless whichever clock is wrong.
 * @param expireSeconds seconds since 1970, as received
 * @param random 0..1, so that those that came together do not refresh together
 */
export function lifetimeOf(expireSeconds: bigint, nowMs: number, random: () => number): Lifetime {
  const toldMs = Number(expireSeconds) * 1000 - nowMs
  const lifetimeMs = Math.min(MAX_LIFETIME_MS, Math.max(MIN_LIFETIME_MS, toldMs))
  const share = REFRESH_SHARE + REFRESH_SPREAD * random()
  return { expiresAtMs: nowMs + lifetimeMs, refreshAtMs: nowMs + Math.round(lifetimeMs * share) }
}
