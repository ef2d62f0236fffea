import type { Connection, PeerId } from '@libp2p/interface'

import { isFunction, isObject, libraryMember } from '../errors.ts'

interface ConnectionsByPeer {
  get(peer: PeerId): Connection[] | undefined
  values(): Iterable<Connection[]>
}

function isConnectionsByPeer(value: unknown): value is ConnectionsByPeer {
  return isObject(value) && isFunction(Reflect.get(value, 'values'))
}

/**
 * Makes listing all connections cost as much as there are. libp2p 3.3 copies the list once for each peer, and
 * does so twice for each connection that opens: with 10 000 peers that is a hundred million copies. Can go
 * when its connection manager appends to one list.
 * @param libp2p made by `createLibp2p`
 * @throws NetworkError LIBRARY_CHANGED
 */
export function guardConnectionList(libp2p: object): void {
  const components = libraryMember(libp2p, 'components', isObject)
  const manager = libraryMember(components, 'connectionManager', isObject)
  libraryMember(manager, 'getConnections', isFunction)
  const byPeer = libraryMember(manager, 'connections', isConnectionsByPeer)
  Reflect.set(manager, 'getConnections', (peer?: PeerId): Connection[] => {
    if (peer !== undefined && peer !== null) return byPeer.get(peer) ?? []
    const all: Connection[] = []
    for (const connections of byPeer.values()) all.push(...connections)
    return all
  })
}
