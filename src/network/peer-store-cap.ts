import { setImmediate as yieldToLoop } from 'node:timers/promises'
import type { Libp2pEvents, PeerId, PeerStore } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

import { flat } from '../lib/text.ts'
import type { Logger } from '../telemetry/index.ts'
import type { NetworkMetrics } from './metrics.ts'

export interface PeerStoreCapOptions {
  /** This node's own entry is never dropped. */
  readonly self: string
  /** Peers kept; when there are more, a tenth goes. */
  readonly maxPeers: number
}

export interface PeerStoreCapComponents {
  readonly peerStore: Pick<PeerStore, 'get' | 'delete'>
  readonly events: {
    addEventListener<K extends 'peer:update' | 'peer:disconnect'>(
      type: K,
      listener: (event: Libp2pEvents[K]) => void,
    ): void
  }
  readonly isConnected: (peerId: string) => boolean
  /** Whether nobody dials it or lets it in, for what it did. */
  readonly isShunned: (peerId: string) => boolean
  readonly logger: Logger
  readonly metrics: Pick<NetworkMetrics, 'peersForgotten'>
}

/** Of an Ed25519 key, or the hash of any key: what is parsed again at little cost. */
const PARSABLE = /^(12D3KooW|Qm)/
/** Peers looked at in one turn of the event loop. */
const LOOKED_AT_ONCE = 16

/**
 * Bounds the peer store, which @libp2p/peer-store 12 lets grow with every peer that anybody mentions. Those known
 * longest go first, except peers that are connected or that somebody tagged. Who is shunned goes with its last
 * connection: one enemy has as many names as it likes. Can go when the store has a number of peers.
 */
export class PeerStoreCap {
  readonly #options: PeerStoreCapOptions
  readonly #components: PeerStoreCapComponents
  /**
   * In the order they became known. A parsed ID keeps the slab that its bytes were cut from, so it is kept for
   * those alone that are hard to parse again: a remote may name a key of another kind, or the digest of a URL.
   */
  readonly #known = new Map<string, PeerId | null>()
  #purge: Promise<void> | null = null

  constructor(options: PeerStoreCapOptions, components: PeerStoreCapComponents) {
    this.#options = options
    this.#components = components
    components.events.addEventListener('peer:update', ({ detail: { peer } }) => {
      const id = peer.id.toString()
      if (id !== options.self && !this.#known.has(id)) this.#add(id, peer.id)
    })
    components.events.addEventListener('peer:disconnect', ({ detail: peer }) => {
      if (components.isShunned(peer.toString())) void this.#forgetShunned(peer)
    })
  }

  /** Peers known; one that expired counts until it is its turn. */
  get count(): number {
    return this.#known.size
  }

  /** Resolves when no purge is under way. */
  async settled(): Promise<void> {
    await this.#purge
  }

  #add(id: string, peer: PeerId): void {
    this.#known.set(flat(id), PARSABLE.test(id) ? null : peer)
    if (this.#known.size <= this.#options.maxPeers || this.#purge !== null) return
    this.#purge = this.#forgetOldest()
      .catch((error: unknown) => this.#components.logger.debug({ error }, 'Peer purge failed'))
      .finally(() => {
        this.#purge = null
      })
  }

  async #forgetShunned(peer: PeerId): Promise<void> {
    const { peerStore, isConnected, logger } = this.#components
    try {
      await peerStore.delete(peer)
      if (!isConnected(peer.toString())) this.#known.delete(peer.toString())
    } catch (error) {
      logger.debug({ error }, 'A shunned peer is still in the peer store')
    }
  }

  async #forgetOldest(): Promise<void> {
    const { peerStore, isConnected, metrics, logger } = this.#components
    const keep = Math.floor(this.#options.maxPeers * 0.9)
    let forgotten = 0
    let looked = 0
    // Those that become known meanwhile are looked at, too.
    for (const [id, kept] of this.#known) {
      if (this.#known.size <= keep) break
      if (isConnected(id)) continue
      looked += 1
      // The store is in memory: awaiting it leaves no turn to anybody.
      if (looked % LOOKED_AT_ONCE === 0) await yieldToLoop()
      const peer = kept ?? peerIdFromString(id)
      if (await this.#isTagged(peer)) continue
      await peerStore.delete(peer)
      // One that came meanwhile is in the store again with its next word.
      if (!isConnected(id)) this.#known.delete(id)
      forgotten++
    }
    metrics.peersForgotten(forgotten)
    logger.debug({ forgotten, kept: this.#known.size }, 'Peer store was full')
  }

  async #isTagged(peer: PeerId): Promise<boolean> {
    try {
      return (await this.#components.peerStore.get(peer)).tags.size > 0
    } catch {
      return false
    }
  }
}
