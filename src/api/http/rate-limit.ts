import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { HttpError } from '../errors.ts'
import { callerKey } from './networks.ts'

export interface RequestLimiterOptions {
  /** Steady rate and burst of one caller; null: no limit. */
  readonly perMinute: number | null
  readonly maxCallers: number
  readonly clock: Pick<Clock, 'now'>
}

/** Counts requests per caller; remembers only the callers heard last. */
export class RequestLimiter {
  readonly #options: RequestLimiterOptions
  readonly #buckets: BoundedMap<string, TokenBucket>

  constructor(options: RequestLimiterOptions) {
    this.#options = options
    this.#buckets = new BoundedMap({ limit: options.maxCallers })
  }

  /** null when the request may go on, else the answer. */
  refusal(address: string): HttpError | null {
    const { perMinute, clock } = this.#options
    if (perMinute === null) return null
    const key = callerKey(address)
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket({ capacity: perMinute, refillPerSecond: perMinute / 60, clock })
      this.#buckets.set(key, bucket)
    }
    if (bucket.tryTake()) return null
    const retryAfterSeconds = Math.max(1, Math.ceil(60 / perMinute))
    return new HttpError('RATE_LIMITED', `more than ${perMinute} requests a minute from here`, {
      headers: { 'retry-after': String(retryAfterSeconds) },
    })
  }

  get callers(): number {
    return this.#buckets.size
  }
}
