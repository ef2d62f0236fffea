import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Source } from './source.ts'

export interface ArrivalRateOptions {
  /** Connections a second from one public host, and as many at once. */
  readonly perHost: number
  /** Hosts whose rate is remembered. @default 8192 */
  readonly hosts?: number
}

/** A LAN's gateway or a proxy brings everybody behind it back at once. */
const SHARED_FACTOR = 10
const LIMIT_HOSTS = 8_192

/**
 * How fast one host may connect. libp2p 3.3 has such a rate too, but the only way to spare a proxy from it,
 * its `allow` list, also lifts every other limit; so that one is out of reach and this one decides. Can go when
 * libp2p's rate can be told whom to spare.
 */
export class ArrivalRate {
  readonly #options: ArrivalRateOptions
  readonly #clock: Pick<Clock, 'now'> | undefined
  readonly #buckets: BoundedMap<string, TokenBucket>

  constructor(options: ArrivalRateOptions, clock?: Pick<Clock, 'now'>) {
    this.#options = options
    this.#clock = clock
    this.#buckets = new BoundedMap({
      limit: options.hosts ?? LIMIT_HOSTS,
      isSpent: ({ isFull }) => isFull,
    })
  }

  /** Hosts remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Counts one connection. @returns false when its host was too fast */
  admit({ kind, host }: Source): boolean {
    if (kind === 'exempt') return true
    return this.#bucketOf(host, kind === 'shared' ? SHARED_FACTOR : 1).tryTake()
  }

  #bucketOf(host: string, factor: number): TokenBucket {
    const known = this.#buckets.get(host)
    if (known !== undefined) return known
    const perSecond = this.#options.perHost * factor
    const bucket = new TokenBucket({
      capacity: perSecond,
      refillPerSecond: perSecond,
      clock: this.#clock,
    })
    this.#buckets.set(host, bucket)
    return bucket
  }
}
