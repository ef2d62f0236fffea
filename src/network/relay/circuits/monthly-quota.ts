import { rename } from 'node:fs/promises'

import { type Clock, systemClock } from '../../../lib/clock.ts'
import { Loop } from '../../../lib/loop.ts'
import type { Logger } from '../../../telemetry/index.ts'
import { readMonthUse, writeMonthUse } from './quota-file.ts'

const SAVE_EVERY_MS = 30_000

export interface MonthlyQuotaOptions {
  /** null keeps the count in memory. */
  readonly path: string | null
  /** Bytes in a calendar month (UTC), both directions; null counts only. */
  readonly monthlyBytes: number | null
}

export interface MonthlyQuotaComponents {
  readonly logger: Logger
  readonly clock?: Clock
}

/**
 * What the relay has passed on in this calendar month (UTC), kept over restarts. It is written at most each
 * 30 seconds and at the stop, so a crash loses what passed in the last 30 seconds and no more. A count that
 * cannot be read is taken for a full one where there is a quota: the operator may pay for each byte above it.
 */
export class MonthlyQuota {
  readonly #options: MonthlyQuotaOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #loop: Loop
  #month: string
  /** Before it the month needs no look: the end of the one that the clock last told. */
  #turnsAtMs = 0
  #bytes = 0
  #isDirty = false
  #isWriteFailing = false
  #isAheadTold = false

  constructor(
    options: MonthlyQuotaOptions,
    { logger, clock = systemClock }: MonthlyQuotaComponents,
  ) {
    this.#options = options
    this.#logger = logger
    this.#clock = clock
    this.#month = monthOf(clock.now())
    this.#loop = new Loop({
      name: 'relay-quota',
      intervalMs: SAVE_EVERY_MS,
      isDelayed: true,
      clock,
      run: () => this.#save(),
    })
  }

  /** Reads the count. Never throws: a damaged file is set aside with one warning that says what follows. */
  async start(): Promise<void> {
    await this.#load()
    this.#loop.start()
  }

  /** Writes what changed. Never throws. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#save()
  }

  /** Bytes of this month. */
  get usedBytes(): number {
    this.#turnMonth()
    return this.#bytes
  }

  /** Bytes that may still pass in this month; Infinity without a quota. */
  get remainingBytes(): number {
    const { monthlyBytes } = this.#options
    return monthlyBytes === null
      ? Number.POSITIVE_INFINITY
      : Math.max(0, monthlyBytes - this.usedBytes)
  }

  add(bytes: number): void {
    this.#turnMonth()
    this.#bytes += bytes
    this.#isDirty = true
  }

  /** Never back: a clock that is set back must not give a month twice. */
  #turnMonth(): void {
    const nowMs = this.#clock.now()
    // Asked for each slice, and the month is rarely another one.
    if (nowMs < this.#turnsAtMs) return
    const month = monthOf(nowMs)
    this.#turnsAtMs = endOfMonthMs(nowMs)
    if (month <= this.#month) return
    this.#month = month
    this.#bytes = 0
    this.#isDirty = true
  }

  /** Once. Which of the two is wrong, the clock or the month that it told before, the operator knows. */
  #warnIfAhead(): void {
    const { path } = this.#options
    if (this.#isAheadTold || monthOf(this.#clock.now()) >= this.#month) return
    this.#isAheadTold = true
    this.#logger.warn(
      { path, month: this.#month },
      'relay quota counts for a month to come: is the clock right? If it was ahead and now is right, the ' +
        'quota is renewed only when that month is over; to have it renewed before, stop the node and write ' +
        'the present month into the file (keeps the count) or delete the file (counts from 0)',
    )
  }

  async #load(): Promise<void> {
    const { path } = this.#options
    if (path === null) return
    try {
      const use = await readMonthUse(path)
      if (use === null) return
      if (use.month < monthOf(this.#clock.now())) return
      this.#month = use.month
      this.#bytes = use.bytes
      this.#warnIfAhead()
    } catch (error) {
      await this.#assumeFull(path, error)
    }
  }

  async #assumeFull(path: string, error: unknown): Promise<void> {
    const aside = `${path}.corrupt`
    const isKept = await rename(path, aside).then(
      () => true,
      () => false,
    )
    const { monthlyBytes } = this.#options
    this.#bytes = monthlyBytes ?? 0
    this.#isDirty = true
    const facts = { path, kept: isKept ? aside : null, month: this.#month, error }
    if (monthlyBytes === null) {
      this.#logger.warn(facts, 'relay quota file is damaged: this month is counted from 0')
      return
    }
    // Kept over the next restart too, which would otherwise find no file and begin at 0.
    await this.#save()
    this.#logger.warn(
      facts,
      'relay quota file is damaged: the quota of this month counts as used up and no circuit is relayed; ' +
        'to go on, stop the node and delete the file (counts from 0) or write the bytes used into it',
    )
  }

  async #save(): Promise<void> {
    const { path } = this.#options
    this.#turnMonth()
    this.#warnIfAhead()
    if (path === null || !this.#isDirty) return
    this.#isDirty = false
    try {
      await writeMonthUse(path, { month: this.#month, bytes: this.#bytes })
      this.#isWriteFailing = false
    } catch (error) {
      this.#isDirty = true
      if (!this.#isWriteFailing) this.#logger.warn({ path, error }, 'relay quota not written')
      this.#isWriteFailing = true
    }
  }
}

/** `2026-11` of ms since the epoch, UTC; later months sort later. */
function monthOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 7)
}

function endOfMonthMs(nowMs: number): number {
  const date = new Date(nowMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
