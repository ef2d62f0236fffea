import { BoundedMap } from './bounded-map.ts'
import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts'

export interface TokenBucketsOptions extends TokenBucketOptions {
  /** Most keys remembered; the one longest silent is forgotten first. */
  readonly limit: number
}

/** A bucket for each of many who come, all of the same rate. Who used nothing of late takes no memory. */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions
  readonly #buckets: BoundedMap<string, TokenBucket>

  constructor(options: TokenBucketsOptions) {
    this.#options = options
    this.#buckets = new BoundedMap({ limit: options.limit, isSpent: ({ isFull }) => isFull })
  }

  /** Takes `count` tokens of this key. @returns false when there are fewer, and takes none */
  tryTake(key: string, count = 1): boolean {
    const known = this.#buckets.get(key)
    if (known !== undefined) return known.tryTake(count)
    const bucket = new TokenBucket(this.#options)
    this.#buckets.set(key, bucket)
    return bucket.tryTake(count)
  }

  get size(): number {
    return this.#buckets.size
  }

  clear(): void {
    this.#buckets.clear()
  }
}
