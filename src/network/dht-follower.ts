import type { Connection } from '@libp2p/interface'

import type { Logger } from '../telemetry/index.ts'
import { classOf } from './address-class.ts'
import type { DhtService } from './dht-service.ts'
import type { PeerTracker } from './peers.ts'

export interface DhtFollowerComponents {
  readonly peers: Pick<PeerTracker, 'onPeer'>
  readonly connections: () => readonly Connection[]
  readonly logger: Logger
}

/** Keeps the DHT's table and mode true to who is connected. Lives as long as the host. */
export function followPeers(dht: DhtService, components: DhtFollowerComponents): void {
  const { peers, connections, logger } = components
  const hasPublicPeer = () =>
    connections().some(({ remoteAddr }) => classOf(remoteAddr) === 'public')
  peers.onPeer((peerId, isConnected) => {
    if (!isConnected) {
      dht.forget(peerId).catch((error: unknown) => {
        logger.debug({ peer: peerId, error }, 'DHT table still has a peer that left')
      })
    }
    dht.adapt(hasPublicPeer).catch((error: unknown) => {
      logger.debug({ error }, 'DHT mode did not change')
    })
  })
}
