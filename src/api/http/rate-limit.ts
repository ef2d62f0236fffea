import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { HttpError } from '../errors.ts'
import { callerKey, callerNetwork } from './networks.ts'

/** Callers of one network that may ask as fast as one may: IPv6 clients have as many /64s as they like. */
const CALLERS_OF_NETWORK = 8

export interface RequestLimiterOptions {
  /** Steady rate and burst of one caller; null: no limit. */
  readonly perMinute: number | null
  readonly maxCallers: number
  readonly clock: Pick<Clock, 'now'>
}

/** Counts requests per caller and per network of callers; remembers only those heard last. */
export class RequestLimiter {
  readonly #options: RequestLimiterOptions
  readonly #callers: BoundedMap<string, TokenBucket>
  readonly #networks: BoundedMap<string, TokenBucket>

  constructor(options: RequestLimiterOptions) {
    this.#options = options
    this.#callers = new BoundedMap({ limit: options.maxCallers })
    this.#networks = new BoundedMap({ limit: options.maxCallers })
  }

  /** null when the request may go on, else the answer. */
  refusal(address: string): HttpError | null {
    const { perMinute } = this.#options
    if (perMinute === null) return null
    const caller = this.#bucketOf(this.#callers, callerKey(address), perMinute)
    const key = callerNetwork(address)
    // Who is over its own rate takes nothing from its neighbours.
    if (
      caller.tryTake() &&
      this.#bucketOf(this.#networks, key, perMinute * CALLERS_OF_NETWORK).tryTake()
    ) {
      return null
    }
    const retryAfterSeconds = Math.max(1, Math.ceil(60 / perMinute))
    return new HttpError('RATE_LIMITED', `more than ${perMinute} requests a minute from here`, {
      headers: { 'retry-after': String(retryAfterSeconds) },
    })
  }

  get callers(): number {
    return this.#callers.size
  }

  #bucketOf(buckets: BoundedMap<string, TokenBucket>, key: string, capacity: number): TokenBucket {
    const known = buckets.get(key)
    if (known !== undefined) return known
    const { clock } = this.#options
    const bucket = new TokenBucket({ capacity, refillPerSecond: capacity / 60, clock })
    buckets.set(key, bucket)
    return bucket
  }
}
