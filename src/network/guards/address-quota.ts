import { BoundedMap } from '../../lib/bounded-map.ts'

export interface AddressQuotaOptions {
  /** Most addresses kept for one peer. */
  readonly perPeer: number
  /** Most peers whose addresses are counted. */
  readonly peers: number
  /** An address not mentioned for this long makes room for a new one. */
  readonly idleMs: number
  /** @default Date.now */
  readonly now?: () => number
}

/**
 * Bounds the addresses that the peer store keeps of one peer, whoever tells them. libp2p's filter is
 * asked about one address at a time, so the count is kept here.
 */
export class AddressQuota {
  readonly #options: AddressQuotaOptions
  readonly #now: () => number
  readonly #peers: BoundedMap<string, Map<string, number>>

  constructor(options: AddressQuotaOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#peers = new BoundedMap({ limit: options.peers })
  }

  /** @returns whether the address is one of the peer's few */
  admit(peerId: string, address: string): boolean {
    const nowMs = this.#now()
    const known = this.#peers.get(peerId) ?? new Map<string, number>()
    this.#peers.set(peerId, known)
    if (!known.has(address) && known.size >= this.#options.perPeer) {
      const idle = [...known].find(([, atMs]) => nowMs - atMs > this.#options.idleMs)
      if (idle === undefined) return false
      known.delete(idle[0])
    }
    known.set(address, nowMs)
    return true
  }
}
