import type { Multiaddr } from '@multiformats/multiaddr'

import { targetOf } from './address-class.ts'

/** Most peers that may be upgraded to a direct connection at a time. */
const LIMIT_UPGRADES = 32
/** Addresses of one peer that may be tried during its upgrade: three rounds of four. */
const LIMIT_UPGRADE_ADDRESSES = 12

/**
 * The dials that were decided on, for as long as they run. Every library here can dial by itself: the
 * DHT its table, libp2p the peers somebody tagged, gossip and bitswap whom they miss. The gater lets
 * through what is listed here and nothing else, so that there is one dialer. Bounded by its dials.
 *
 * One exception is counted and short: while a relayed connection is being upgraded, DCUtR dials the few
 * addresses that its peer told over it. The dial policy applies to them as to any other.
 */
export class DialPermits {
  readonly #held = new Map<string, number>()
  /** Peer to addresses that it has left. */
  readonly #upgrades = new Map<string, number>()

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

  /** Lets a peer be dialled at addresses that it told, until `endUpgrade`. @returns false when too many are. */
  beginUpgrade(peerId: string): boolean {
    if (this.#upgrades.size >= LIMIT_UPGRADES || this.#upgrades.has(peerId)) return false
    this.#upgrades.set(peerId, LIMIT_UPGRADE_ADDRESSES)
    return true
  }

  endUpgrade(peerId: string): void {
    this.#upgrades.delete(peerId)
  }

  allowsPeer(peerId: string): boolean {
    return this.#held.has(peerId) || this.#upgrades.has(peerId)
  }

  /** Counts an address that only an upgrade allows. */
  allowsAddress(address: Multiaddr): boolean {
    return this.#held.has(address.toString()) || this.#takeUpgrade(address)
  }

  /** Permits held now; a peer and each of its addresses count. */
  get size(): number {
    return this.#held.size
  }

  #takeUpgrade(address: Multiaddr): boolean {
    const target = targetOf(address)
    if (target === null || target.peerId === null || target.isCircuit) return false
    const left = this.#upgrades.get(target.peerId) ?? 0
    if (left <= 0) return false
    this.#upgrades.set(target.peerId, left - 1)
    return true
  }

  #release(key: string): void {
    const left = (this.#held.get(key) ?? 1) - 1
    if (left > 0) this.#held.set(key, left)
    else this.#held.delete(key)
  }
}
