import { isIP } from 'node:net'

import type { Connection, IdentifyResult } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { classifyIp, classOf, targetOf } from '../address-class.ts'
import { subnetOf } from '../dialer/dial-address.ts'
import type { Host } from '../host.ts'
import { isRelayed, newestDirect } from '../relay/hop/client-source.ts'
import type { AutonatClient } from './autonat-client.ts'
import type { Reachability, ReachabilityPort } from './reachability.ts'

export interface ReachabilityPortOptions {
  readonly requestProtocol: string
}

export interface ReachabilityPortComponents {
  readonly host: Host
  readonly client: AutonatClient
}

/** What reachability asks of the real host. Servers are those that identify named as such. */
export function createReachabilityPort(
  { requestProtocol }: ReachabilityPortOptions,
  { host, client }: ReachabilityPortComponents,
): ReachabilityPort & { watch(reachability: Reachability): () => void } {
  /** Directly connected peers of the public internet that this node dialled, and whether they serve. */
  const peers = new Map<string, boolean>()
  const listeners = () => host.addresses.bound().map(targetOf)
  return {
    addressesAt: (ip) => {
      const family = ip.includes(':') ? 'ip6' : 'ip4'
      const bound = host.addresses
        .bound()
        .filter((address) => address.toString().startsWith(`/${family}/`))
      const tcp = bound.find((address) => address.getComponents().length === 2)
      const port = tcp === undefined ? null : (targetOf(tcp)?.port ?? null)
      return port === null ? [] : [`/${family}/${ip}/tcp/${port}`]
    },
    hasPublicListener: () =>
      listeners().some((target) => target !== null && classifyIp(target.host) === 'public'),
    publicPeers: () => [...peers].map(([peerId, isServer]) => ({ peerId, isServer })),
    ask: (peerId, address, signal) => client.ask(peerId, address, signal),
    watch: (reachability) => {
      const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
        const { peerId, connection, observedAddr, protocols } = detail
        const direct = newestDirect(host.libp2p.getConnections(peerId))
        if (direct === null || isRelayed(connection)) return
        if (connection.direction !== 'outbound') return
        if (classOf(connection.remoteAddr) !== 'public') return
        const id = peerId.toString()
        peers.set(id, protocols.includes(requestProtocol))
        const ip = observedIp(observedAddr, connection.remoteAddr)
        const subnet = subnetOf(connection.remoteAddr.toString())
        if (ip !== null) reachability.noteObserved(id, { ip, subnet })
      }
      const onOpen = ({ detail }: CustomEvent<Connection>) => {
        if (isVisit(detail)) reachability.noteVisitor()
      }
      host.libp2p.addEventListener('peer:identify', onIdentify)
      host.libp2p.addEventListener('connection:open', onOpen)
      const unsubscribe = host.onPeer((peerId, isConnected) => {
        if (isConnected) return
        peers.delete(peerId)
        reachability.forget(peerId)
      })
      return () => {
        host.libp2p.removeEventListener('peer:identify', onIdentify)
        host.libp2p.removeEventListener('connection:open', onOpen)
        unsubscribe()
        peers.clear()
      }
    },
  }
}

/** Whether somebody of the public internet came in by itself. */
function isVisit(connection: Pick<Connection, 'direction' | 'limits' | 'remoteAddr'>): boolean {
  const { direction, remoteAddr } = connection
  return direction === 'inbound' && !isRelayed(connection) && classOf(remoteAddr) === 'public'
}

/** Where a peer says it sees us, if that can be so: through no relay, and in the family that it was dialled in. */
export function observedIp(observed: Multiaddr | undefined, dialled: Multiaddr): string | null {
  const seen = observed === undefined ? null : targetOf(observed)
  if (seen?.kind !== 'ip' || seen.isCircuit || classifyIp(seen.host) !== 'public') return null
  return isIP(seen.host) === isIP(targetOf(dialled)?.host ?? '') ? seen.host : null
}
