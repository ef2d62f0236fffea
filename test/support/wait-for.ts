import { setTimeout as delay } from 'node:timers/promises'

export interface WaitForOptions {
  /** @default 5000 */
  readonly timeoutMs?: number
  /** What was waited for, in the words of a failure. */
  readonly message: string
}

/**
 * Waits until `condition` returns something truthy and resolves to it. A condition that throws counts
 * as not yet true; its last error becomes the cause of the failure.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitForOptions,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { timeoutMs = 5000, message } = options
  const deadlineMs = Date.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (Date.now() > deadlineMs)
      throw new Error(`not within ${timeoutMs} ms: ${message}`, { cause })
    await delay(20)
  }
}
