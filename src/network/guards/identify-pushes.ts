import type { identifyPush } from '@libp2p/identify'
import type { Connection, Peer, PeerStore } from '@libp2p/interface'

import { replacing } from '../replacing.ts'

type Factory = ReturnType<typeof identifyPush>
type ConnectionManager = Parameters<Factory>[0]['connectionManager']

/**
 * Lets news of this node reach all who want it. @libp2p/identify 4.1 ends its round at the first connection whose peer
 * has no entry in the store, as one has not that never said who it is: who connected after it is told nothing.
 * And it waits five seconds for each peer that takes no push, 32 at a time, in the order of their connections: known
 * peers are told before any stranger. Can go when it passes over those, and waits for nobody.
 */
export function pushingToAll(factory: Factory, isKnown: (peerId: string) => boolean): Factory {
  return (components) => {
    const { peerStore, connectionManager } = components
    const get: PeerStore['get'] = async (id, options) => {
      try {
        return await peerStore.get(id, options)
      } catch (error) {
        if (error instanceof Error && error.name === 'NotFoundError') return nothingOf(id)
        throw error
      }
    }
    const isPeerKnown = ({ remotePeer }: Connection) => isKnown(remotePeer.toString())
    const getConnections: ConnectionManager['getConnections'] = (peer) => {
      const connections = connectionManager.getConnections(peer)
      const known = new Set(connections.filter(isPeerKnown))
      return [...known, ...connections.filter((connection) => !known.has(connection))]
    }
    return factory(
      replacing(components, {
        peerStore: replacing(peerStore, { get }),
        connectionManager: replacing(connectionManager, { getConnections }),
      }),
    )
  }
}

function nothingOf(id: Peer['id']): Peer {
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}
