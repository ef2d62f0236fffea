import { setTimeout as delay } from 'node:timers/promises'

/** Time as a part that is passed in, so that loops and expiry can be tested without waiting. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Resolves after `ms`. @throws the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Unreferenced: a sleeping loop never keeps a process alive whose work is done.
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal, ref: false })
  },
}

/** Whether something was less than `withinMs` ago. What lies ahead, since the clock was set back, was long ago. */
export function isLately(atMs: number, withinMs: number, nowMs: number): boolean {
  return nowMs >= atMs && nowMs - atMs < withinMs
}

/** Whether a wait of at most `longestMs` that ends at `untilMs` goes on. A clock that is set back makes none longer. */
export function isAhead(untilMs: number, longestMs: number, nowMs: number): boolean {
  return nowMs < untilMs && untilMs - nowMs <= longestMs
}

/**
 * For ages and waits alone: begins with the wall clock's time and goes on evenly, also when that is set. A
 * station without a battery for its clock learns the time after its start.
 */
export function steadyClock(): Clock {
  const offsetMs = Date.now() - performance.now()
  return { now: () => offsetMs + performance.now(), sleep: systemClock.sleep }
}
