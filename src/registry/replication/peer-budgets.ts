import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'

const PEERS_LIMIT = 1024

export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

export interface PeerBudgetOptions extends Rate {
  /** What is beyond the budget is refused; what is beyond this as well, no honest peer sends. */
  readonly tolerated?: Rate
}

/** `wait`: beyond the budget. `flood`: beyond what an honest peer may do at all. */
export type Allowance = 'ok' | 'wait' | 'flood'

interface PeerBuckets {
  readonly budget: TokenBucket
  readonly tolerated: TokenBucket | null
}

/** How often each peer may have something done for it; the peers heard last are remembered. */
export class PeerBudgets {
  readonly #options: PeerBudgetOptions
  readonly #clock: Pick<Clock, 'now'>
  readonly #buckets = new BoundedMap<string, PeerBuckets>({
    limit: PEERS_LIMIT,
    isSpent: ({ budget, tolerated }) => budget.isFull && tolerated?.isFull !== false,
  })

  constructor(options: PeerBudgetOptions, clock: Pick<Clock, 'now'>) {
    this.#options = options
    this.#clock = clock
  }

  take(peerId: string): Allowance {
    const { budget, tolerated } = this.#buckets.get(peerId) ?? this.#open(peerId)
    if (budget.tryTake()) return 'ok'
    return tolerated === null || tolerated.tryTake() ? 'wait' : 'flood'
  }

  /** @returns false when the peer has to wait. */
  tryTake(peerId: string): boolean {
    return this.take(peerId) === 'ok'
  }

  #open(peerId: string): PeerBuckets {
    const { tolerated } = this.#options
    const buckets = {
      budget: this.#bucket(this.#options),
      tolerated: tolerated === undefined ? null : this.#bucket(tolerated),
    }
    this.#buckets.set(peerId, buckets)
    return buckets
  }

  #bucket({ burst: capacity, perSecond: refillPerSecond }: Rate): TokenBucket {
    return new TokenBucket({ capacity, refillPerSecond, clock: this.#clock })
  }
}
