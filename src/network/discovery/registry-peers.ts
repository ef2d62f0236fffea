import { type Clock, systemClock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Candidate } from '../types.ts'

const LIMIT_ADDRESSES = 8
/** A registry of thousands that is read at start arrives as a burst; what does not fit comes again. */
const BURST = 1024
const PER_SECOND = 10

export interface RegistryPeersComponents {
  readonly propose: (candidate: Candidate) => boolean
  readonly clock?: Clock
}

/** Takes candidates that the registry reads from node records; the registry knows none of the rules. */
export class RegistryPeers {
  readonly #components: RegistryPeersComponents
  readonly #bucket: TokenBucket

  constructor(components: RegistryPeersComponents) {
    this.#components = components
    const clock = components.clock ?? systemClock
    this.#bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
  }

  /** @returns false when it is malformed, may not be dialled, or comes too fast. */
  propose(candidate: Pick<Candidate, 'peerId' | 'addresses'>): boolean {
    const { peerId } = candidate
    const addresses = candidate.addresses.slice(0, LIMIT_ADDRESSES)
    if (addresses.length === 0 || !this.#bucket.tryTake()) return false
    return this.#components.propose({ source: 'registry', peerId, addresses })
  }
}
