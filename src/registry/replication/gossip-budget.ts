import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { type Allowance, PeerBudgets, type Rate } from './peer-budgets.ts'

/** Messages taken from one peer; each costs a signature check and a place in every mesh. */
const PER_PEER: Rate = { burst: 512, perSecond: 50 }
/**
 * New entries taken from all peers together: from strangers, and from known stations on top of what strangers
 * leave. What is taken is also passed on.
 */
export const IN_ALL = {
  strangers: { burst: 640, perSecond: 100 },
  known: { burst: 384, perSecond: 100 },
} as const
/** Entries of our own told at once; peers take no more of them than of any other peer's. */
export const OWN: Rate = { burst: 512, perSecond: 50 }
/** More than twice what the two bounds above let an honest peer send in all. */
const TOLERATED: Rate = { burst: 4096, perSecond: 500 }

/**
 * How much gossip is worth reading. What is beyond it is not lost: an exchange of heads brings it, at
 * less cost an entry. An honest peer keeps these bounds in what it sends, so none is taken for a flood.
 */
export class GossipBudget {
  readonly #perPeer: PeerBudgets
  readonly #isKnown: (peerId: string) => boolean
  readonly #strangers: TokenBucket
  readonly #known: TokenBucket
  readonly #own: TokenBucket

  /** @param isKnown whether a peer is more than a stranger. @default nobody is */
  constructor(clock: Pick<Clock, 'now'>, isKnown: (peerId: string) => boolean = () => false) {
    this.#isKnown = isKnown
    this.#perPeer = new PeerBudgets({ ...PER_PEER, tolerated: TOLERATED }, clock)
    this.#strangers = bucket(IN_ALL.strangers, clock)
    this.#known = bucket(IN_ALL.known, clock)
    this.#own = bucket(OWN, clock)
  }

  /** Whether a message of this peer is to be looked at. */
  take(peerId: string): Allowance {
    return this.#perPeer.take(peerId)
  }

  /** Whether an entry that this peer sent, and that is not held here, is to be judged. */
  tryTakeNew(peerId: string): boolean {
    return (this.#isKnown(peerId) && this.#known.tryTake()) || this.#strangers.tryTake()
  }

  /** Whether an entry of our own is told by gossip. */
  tryPublish(): boolean {
    return this.#own.tryTake()
  }
}

function bucket({ burst, perSecond }: Rate, clock: Pick<Clock, 'now'>): TokenBucket {
  return new TokenBucket({ capacity: burst, refillPerSecond: perSecond, clock })
}
