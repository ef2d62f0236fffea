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
