import type { Multiaddr } from '@multiformats/multiaddr'

import { targetOf } from './address-class.ts'

/**
 * The dials that were decided on, for as long as they run. Every library here can dial by itself: the
 * DHT its table, libp2p the peers somebody tagged, gossip and bitswap whom they miss. The gater lets
 * through what is listed here and nothing else, so that there is one dialer. Bounded by its dials.
 */
export class DialPermits {
  readonly #held = new Map<string, number>()

  /** Runs one dial with the permit for its addresses and for the peers that they end with. */
  async during<T>(targets: readonly Multiaddr[], dial: () => Promise<T>): Promise<T> {
    const peers = targets.map((target) => targetOf(target)?.peerId ?? null)
    const keys = [...targets.map(String), ...peers.filter((peer) => peer !== null)]
    for (const key of keys) this.#held.set(key, (this.#held.get(key) ?? 0) + 1)
    try {
      return await dial()
    } finally {
      for (const key of keys) this.#release(key)
    }
  }

  allowsPeer(peerId: string): boolean {
    return this.#held.has(peerId)
  }

  allowsAddress(address: Multiaddr): boolean {
    return this.#held.has(address.toString())
  }

  /** Permits held now; a peer and each of its addresses count. */
  get size(): number {
    return this.#held.size
  }

  #release(key: string): void {
    const left = (this.#held.get(key) ?? 1) - 1
    if (left > 0) this.#held.set(key, left)
    else this.#held.delete(key)
  }
}
