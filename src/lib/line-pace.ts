import { type Clock, systemClock } from './clock.ts'
import { TokenBucket } from './token-bucket.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Keys remembered; the one longest silent is forgotten first. */
const KEYS_LIMIT = 4_096

export interface LinePaceOptions {
  /** Lines of one key at once, and then a minute. */
  readonly perKey: { readonly burst: number; readonly perMinute: number }
  /** Lines of all keys together, at once and then a second. */
  readonly total: { readonly burst: number; readonly perSecond: number }
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'> | undefined
}

/** How fast remotes can make log lines: neither one nor all of them together may fill the disk. */
export class LinePace {
  readonly #keys: TokenBuckets
  readonly #total: TokenBucket

  constructor({ perKey, total, clock = systemClock }: LinePaceOptions) {
    this.#keys = new TokenBuckets({
      limit: KEYS_LIMIT,
      capacity: perKey.burst,
      refillPerSecond: perKey.perMinute / 60,
      clock,
    })
    this.#total = new TokenBucket({
      capacity: total.burst,
      refillPerSecond: total.perSecond,
      clock,
    })
  }

  /**
   * Whether a line may be written.
   * @param key whose it is; null where an address stands for many, so that only the total counts
   */
  tryTake(key: string | null): boolean {
    return (key === null || this.#keys.tryTake(key)) && this.#total.tryTake()
  }
}
