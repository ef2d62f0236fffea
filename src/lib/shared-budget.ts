import type { Clock } from './clock.ts'
import { TokenBucket } from './token-bucket.ts'

interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** What all peers together may have done for them. */
export interface SharedLimits {
  /** By strangers, however many there are: peer IDs cost nothing. */
  readonly strangers: Rate
  /** By known stations alone, on top of what strangers leave. */
  readonly known: Rate
}

/** Bounds work in all, so that many peers, each within its rate, do not take the processor. */
export class SharedBudget {
  readonly #strangers: TokenBucket
  readonly #known: TokenBucket

  constructor({ strangers, known }: SharedLimits, clock?: Pick<Clock, 'now'>) {
    const bucketOf = ({ burst, perSecond }: Rate) =>
      new TokenBucket({ capacity: burst, refillPerSecond: perSecond, clock })
    this.#strangers = bucketOf(strangers)
    this.#known = bucketOf(known)
  }

  /** @returns how much of it is to be done */
  take(count: number, isKnown: boolean): number {
    let taken = 0
    while (taken < count && this.tryTake(1, isKnown)) taken += 1
    return taken
  }

  /** All of it or nothing. @returns false when it is not to be done */
  tryTake(count: number, isKnown: boolean): boolean {
    return (isKnown && this.#known.tryTake(count)) || this.#strangers.tryTake(count)
  }
}
