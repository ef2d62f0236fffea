const DAY_MS = 86_400_000

/** Days before the end at which the operator is told, the last one being the end itself. */
const REMINDERS_DAYS = [14, 7, 1, 0] as const

/** From when on a certificate is due to be renewed. */
export const DUE_MS = REMINDERS_DAYS[0] * DAY_MS

/** Says when it is time to tell of an expiry: once for each of 14 days, 7 days, 1 day and the end. */
export class ExpiryReminder {
  #lastDays: number = Number.POSITIVE_INFINITY

  /** A new certificate has its own reminders. */
  reset(): void {
    this.#lastDays = Number.POSITIVE_INFINITY
  }

  /** @returns whether to tell now */
  isDue(validUntilMs: number, nowMs: number): boolean {
    const leftMs = validUntilMs - nowMs
    const days = REMINDERS_DAYS.findLast((one) => leftMs <= one * DAY_MS)
    if (days === undefined || days >= this.#lastDays) return false
    this.#lastDays = days
    return true
  }
}
