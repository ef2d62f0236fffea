import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, PeerStore } from '@libp2p/interface'

import { Loop } from '../lib/loop.ts'
import { isFunction, libraryMember } from './errors.ts'
import { isGossipOpening } from './guards/gossip-openings.ts'
import type { NetworkMetrics } from './metrics.ts'

export interface GossipHealerOptions {
  /** @default 60 000 */
  readonly intervalMs?: number
}

export interface GossipHealerComponents {
  readonly gossipsub: GossipSub
  readonly peerStore: PeerStore
  readonly connections: () => readonly Connection[]
  readonly metrics: NetworkMetrics
}

/**
 * Finds peers that are connected and speak gossip but have no gossip stream from us: gossipsub 17.1
 * does not open one again when it closes. They are introduced anew; a connection that is found so
 * twice in a row is closed, since it does not carry streams. One whose stream is just being opened is left
 * alone: after a rush of newcomers that takes longer than a round. Can go when gossipsub reopens streams.
 */
export class GossipHealer {
  readonly #components: GossipHealerComponents
  readonly #loop: Loop
  #missing: ReadonlySet<string> = new Set()

  constructor(options: GossipHealerOptions, components: GossipHealerComponents) {
    this.#components = components
    this.#loop = new Loop({
      name: 'gossip healer',
      intervalMs: options.intervalMs ?? 60_000,
      isDelayed: true,
      run: () => this.heal(),
    })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** One round soon: a connection is gone whose peer has another one. */
  wake(): void {
    this.#loop.wake()
  }

  /** One round. */
  async heal(): Promise<void> {
    const { gossipsub, connections, metrics } = this.#components
    const outbound = libraryMember(gossipsub, 'streamsOutbound', (value) => value instanceof Map)
    const introduce = libraryMember(gossipsub, 'onPeerConnected', isFunction)
    const missing = new Set<string>()
    for (const connection of connections()) {
      const id = connection.remotePeer.toString()
      if (connection.limits !== undefined || outbound.has(id)) continue
      if (isGossipOpening(gossipsub, id)) {
        // What was found before is not forgotten: a stream may be opened in vain again and again.
        if (this.#missing.has(id)) missing.add(id)
        continue
      }
      if (!(await this.#speaksGossip(connection))) continue
      missing.add(id)
      if (this.#missing.has(id)) {
        metrics.gossipHealed('closed')
        connection.abort(new Error('no gossip stream can be opened'))
      } else {
        metrics.gossipHealed('reopened')
        Reflect.apply(introduce, gossipsub, [connection.remotePeer, connection])
      }
    }
    this.#missing = missing
  }

  async #speaksGossip({ remotePeer }: Connection): Promise<boolean> {
    const { gossipsub, peerStore } = this.#components
    try {
      const { protocols } = await peerStore.get(remotePeer)
      return gossipsub.protocols.some((protocol) => protocols.includes(protocol))
    } catch {
      return false
    }
  }
}
