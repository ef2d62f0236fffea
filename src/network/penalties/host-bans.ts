import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { targetOf } from '../address-class.ts'
import type { Seeds } from '../discovery/seeds.ts'
import type { OperatorsOwn } from './ban-commands.ts'

type Connections = Pick<Libp2p, 'getConnections'>

/** Direct connections as bans see them. @param peerId of one peer alone */
export function directConnections(libp2p: Connections, peerId?: string) {
  const peer = peerId === undefined ? undefined : peerIdFromString(peerId)
  return libp2p.getConnections(peer).flatMap((connection) => {
    const ip = ipOf(connection.remoteAddr)
    return ip === null ? [] : [{ peerId: connection.remotePeer.toString(), ip }]
  })
}

/** The IP at the other end; null for a relayed address, whose IP is the relay's, and for a name. */
export function ipOf(address: Multiaddr): string | null {
  const target = targetOf(address)
  return target === null || target.isCircuit || target.kind !== 'ip' ? null : target.host
}

/** Seeds by peer ID and by address: the one that was written, and the one that answers. */
export function seedsOf(
  written: readonly string[],
  seeds: Pick<Seeds, 'isSeed' | 'statuses'>,
  libp2p: Connections,
): OperatorsOwn {
  const ips = written.flatMap((address) => ipOf(multiaddr(address)) ?? [])
  return {
    isSeed: (peerId) => seeds.isSeed(peerId),
    hosts: () => {
      const connected = seeds.statuses().flatMap(({ state, peerId }) => {
        return state === 'connected' && peerId !== null ? directConnections(libp2p, peerId) : []
      })
      return [...ips, ...connected.map(({ ip }) => ip)]
    },
  }
}
