import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { Clock } from '../../lib/clock.ts'
import { SharedBudget } from '../../lib/shared-budget.ts'

/** To find what a peer lacks, each entry of a log is looked at: so many cost one token, some 0.05 ms. */
const ENTRIES_A_TOKEN = 1000
/** Four million entries at once, then a million a second: a twentieth of a processor. As much for known stations. */
const LIMITS = {
  strangers: { burst: 4000, perSecond: 1000 },
  known: { burst: 4000, perSecond: 1000 },
}

/** Whole logs that are walked for peers: so much for all of them together, and one in a turn of the event loop. */
export class LogWalks {
  readonly #budget: SharedBudget
  #last: Promise<unknown> = Promise.resolve()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#budget = new SharedBudget(LIMITS, clock)
  }

  /** Resolves in a turn of its own, in which a log of so many entries may be walked. @throws Error when too much was. */
  async begin(entries: number, isKnown: boolean): Promise<void> {
    const tokens = Math.min(entries / ENTRIES_A_TOKEN, LIMITS.strangers.burst)
    if (!this.#budget.tryTake(tokens, isKnown)) throw new Error('busy')
    this.#last = this.#last.then(() => yieldToLoop())
    await this.#last
  }
}
