import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { type Allowance, PeerBudgets, type Rate } from './peer-budgets.ts'

/** Messages taken from one peer; each costs a signature check and a place in every mesh. */
const PER_PEER: Rate = { burst: 512, perSecond: 50 }
/** Messages taken from all peers together. What is taken is also passed on. */
const IN_ALL: Rate = { burst: 1024, perSecond: 200 }
/** Entries of our own told at once; peers take no more of them than of any other peer's. */
const OWN: Rate = { burst: 512, perSecond: 50 }
/** More than twice what the two bounds above let an honest peer send in all. */
const TOLERATED: Rate = { burst: 4096, perSecond: 500 }

/**
 * How much gossip is worth reading. What is beyond it is not lost: an exchange of heads brings it, at
 * less cost an entry. An honest peer keeps these bounds in what it sends, so none is taken for a flood.
 */
export class GossipBudget {
  readonly #perPeer: PeerBudgets
  readonly #inAll: TokenBucket
  readonly #own: TokenBucket

  constructor(clock: Pick<Clock, 'now'>) {
    this.#perPeer = new PeerBudgets({ ...PER_PEER, tolerated: TOLERATED }, clock)
    this.#inAll = bucket(IN_ALL, clock)
    this.#own = bucket(OWN, clock)
  }

  /** Whether a message of this peer is to be looked at. */
  take(peerId: string): Allowance {
    const allowance = this.#perPeer.take(peerId)
    return allowance === 'ok' && !this.#inAll.tryTake() ? 'wait' : allowance
  }

  /** Whether an entry of our own is told by gossip. */
  tryPublish(): boolean {
    return this.#own.tryTake()
  }
}

function bucket({ burst, perSecond }: Rate, clock: Pick<Clock, 'now'>): TokenBucket {
  return new TokenBucket({ capacity: burst, refillPerSecond: perSecond, clock })
}
