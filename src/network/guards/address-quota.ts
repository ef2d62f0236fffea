import { BoundedMap } from '../../lib/bounded-map.ts'

export interface AddressQuotaOptions {
  /** Most addresses kept for one peer. */
  readonly perPeer: number
  /** Most peers whose addresses are counted. */
  readonly peers: number
  /** An address not mentioned for this long makes room for a new one. */
  readonly idleMs: number
  /** Monotonic, ms. @default performance.now */
  readonly now?: () => number
}

/**
 * Bounds the addresses that the peer store keeps of one peer, whoever tells them. @libp2p/peer-store 12 keeps
 * all that its filter lets through, and asks it about one address at a time, so the count is kept here. Can go when
 * the store has a number for each peer.
 */
export class AddressQuota {
  readonly #options: AddressQuotaOptions
  readonly #now: () => number
  readonly #peers: BoundedMap<string, Map<string, number>>

  constructor(options: AddressQuotaOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#peers = new BoundedMap({ limit: options.peers })
  }

  /**
   * Gives a peer's places to what it tells of itself. Else whoever speaks of a peer first could fill them
   * with nonsense and keep the peer's own addresses unknown.
   * @param addresses the peer's word, best first
   * @returns those that have a place, or null when they had one before
   */
  claim(peerId: string, addresses: readonly string[]): readonly string[] | null {
    const kept = [...new Set(addresses)].slice(0, this.#options.perPeer)
    const known = this.#peers.get(peerId)
    if (kept.every((address) => known?.has(address))) return null
    const nowMs = this.#now()
    this.#peers.set(peerId, new Map(kept.map((address) => [address, nowMs])))
    return kept
  }

  /** @returns whether the address would be one of the peer's few */
  hasPlaceFor(peerId: string, address: string): boolean {
    const known = this.#peers.peek(peerId)
    if (known === undefined || known.size < this.#options.perPeer || known.has(address)) return true
    return this.#idleOf(known) !== undefined
  }

  /** @returns whether the address is one of the peer's few */
  admit(peerId: string, address: string): boolean {
    const known = this.#peers.get(peerId) ?? new Map<string, number>()
    this.#peers.set(peerId, known)
    if (!known.has(address) && known.size >= this.#options.perPeer) {
      const idle = this.#idleOf(known)
      if (idle === undefined) return false
      known.delete(idle)
    }
    known.set(address, this.#now())
    return true
  }

  #idleOf(known: ReadonlyMap<string, number>): string | undefined {
    const oldestMs = this.#now() - this.#options.idleMs
    for (const [address, atMs] of known) if (atMs < oldestMs) return address
    return undefined
  }
}
