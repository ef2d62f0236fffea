import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import type { SharedLimits } from '../../lib/shared-budget.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'

interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/**
 * What a peer's gossip is counted in; each has a rate of its own. Refusals are IDs of messages that it does not
 * want (IDONTWANT), in RPCs of nothing else.
 */
export type GossipKind = 'rpcs' | 'messages' | 'controls' | 'refusals' | 'subscriptions'

export interface GossipRpcLimits extends Readonly<Record<GossipKind, Rate>> {
  /** Messages that are read of all peers together: each costs a check of its signature. */
  readonly messagesInAll: SharedLimits
  /** What a peer may send beyond its rates, dropped unread, before it is taken for a flood. */
  readonly patience: Rate
  /** Peers counted; the one longest silent is forgotten. */
  readonly maxPeers: number
  /** Longest time that a peer may ask to be kept out of a mesh, seconds. */
  readonly backoffSeconds: number
}

type Buckets = Readonly<Record<GossipKind | 'patience', TokenBucket>>

/** How much each peer may still gossip. */
export class GossipBudgets {
  readonly #limits: GossipRpcLimits
  readonly #clock: Pick<Clock, 'now'> | undefined
  readonly #peers: BoundedMap<string, Buckets>

  constructor(limits: GossipRpcLimits, clock?: Pick<Clock, 'now'>) {
    this.#limits = limits
    this.#clock = clock
    this.#peers = new BoundedMap({
      limit: limits.maxPeers,
      isSpent: (buckets) => Object.values(buckets).every(({ isFull }) => isFull),
    })
  }

  /** Takes what is sent from the budget of its sender. @returns how much of it is to be read */
  take(peerId: string, kind: GossipKind, count: number): number {
    const bucket = this.#bucketsOf(peerId)[kind]
    if (bucket.tryTake(count)) return count
    let taken = 0
    while (taken < count && bucket.tryTake()) taken += 1
    return taken
  }

  /** Notes what was dropped. @returns whether the peer is to be taken for a flood */
  overdraw(peerId: string, count: number): boolean {
    const { patience } = this.#bucketsOf(peerId)
    return !patience.tryTake(Math.min(count, this.#limits.patience.burst))
  }

  #bucketsOf(peerId: string): Buckets {
    const known = this.#peers.get(peerId)
    if (known !== undefined) return known
    const { rpcs, messages, controls, refusals, subscriptions, patience } = this.#limits
    const buckets = {
      rpcs: this.#bucket(rpcs),
      messages: this.#bucket(messages),
      controls: this.#bucket(controls),
      refusals: this.#bucket(refusals),
      subscriptions: this.#bucket(subscriptions),
      patience: this.#bucket(patience),
    }
    this.#peers.set(peerId, buckets)
    return buckets
  }

  #bucket({ burst, perSecond }: Rate): TokenBucket {
    return new TokenBucket({ capacity: burst, refillPerSecond: perSecond, clock: this.#clock })
  }
}
