import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'

const PEERS_LIMIT = 1024

export interface PeerBudgetOptions {
  readonly burst: number
  readonly perSecond: number
}

/** How often each peer may have something done for it; the peers heard last are remembered. */
export class PeerBudgets {
  readonly #options: PeerBudgetOptions
  readonly #clock: Clock
  readonly #buckets = new BoundedMap<string, TokenBucket>({ limit: PEERS_LIMIT })

  constructor(options: PeerBudgetOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** @returns false when the peer has to wait. */
  tryTake(peerId: string): boolean {
    const known = this.#buckets.get(peerId)
    if (known !== undefined) return known.tryTake()
    const { burst: capacity, perSecond: refillPerSecond } = this.#options
    const bucket = new TokenBucket({ capacity, refillPerSecond, clock: this.#clock })
    this.#buckets.set(peerId, bucket)
    return bucket.tryTake()
  }
}
