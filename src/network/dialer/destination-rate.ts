import { BoundedMap } from '../../lib/bounded-map.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { CandidateSource } from '../types.ts'
import type { PeerNetwork } from './peer-network.ts'

/** Addresses of one host: a station of two ports and a wrong one, several times over. */
const BURST = 4
const PER_SECOND = 1 / 5
/** Of one peer's addresses. */
const LIMIT_OF_HOST = 3
/** Dials are so few that a host which is forgotten has its burst again anyway. */
const LIMIT_HOSTS = 1024

/** Where an address leads, and whose word that is. */
export interface Destination {
  readonly source: CandidateSource
  readonly networks: readonly PeerNetwork[]
}

/**
 * How often one host is dialled because strangers name it. Every node of the network hears of the same
 * candidates: whoever names a third party's host would else have all of them dial it.
 */
export class DestinationRate {
  readonly #now: () => number
  readonly #buckets = new BoundedMap<string, TokenBucket>({
    limit: LIMIT_HOSTS,
    isSpent: (bucket) => bucket.isFull,
  })

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether there is a token for one of the destinations now; takes none. */
  hasRoom(destinations: readonly Destination[]): boolean {
    return destinations.some((one) =>
      hostsOf(one).every((host) => this.#buckets.peek(host)?.has() ?? true),
    )
  }

  /** @returns those that may be dialled in one attempt, in their order */
  admit<D extends Destination>(destinations: readonly D[]): D[] {
    const taken = new Map<string, number>()
    return destinations.filter((destination) => {
      const hosts = hostsOf(destination)
      if (hosts.some((host) => (taken.get(host) ?? 0) >= LIMIT_OF_HOST)) return false
      if (!this.hasRoom([destination])) return false
      for (const host of hosts) {
        this.#bucketOf(host).tryTake()
        taken.set(host, (taken.get(host) ?? 0) + 1)
      }
      return true
    })
  }

  #bucketOf(host: string): TokenBucket {
    const known = this.#buckets.get(host)
    if (known !== undefined) return known
    const clock = { now: this.#now }
    const bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
    this.#buckets.set(host, bucket)
    return bucket
  }
}

/** Those that are rated: public ones, by the word of strangers. */
function hostsOf({ source, networks }: Destination): string[] {
  if (source === 'seed' || source === 'address-book') return []
  const rated = networks.filter(({ isShared }) => !isShared)
  // A name that was looked up is where its addresses are.
  const known = rated.filter(({ isName }) => !isName)
  return [...new Set((known.length > 0 ? known : rated).map(({ host }) => host))]
}
