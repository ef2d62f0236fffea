import { peerIdFromString } from '@libp2p/peer-id'

import { isLately } from '../../lib/clock.ts'
import type { Host } from '../host.ts'
import { endpointOf, normalizeIp, replaceHost } from './dial-address.ts'
import type { DialPort, OpenPeer } from './dial-port.ts'
import type { NetworkOf } from './peer-network.ts'

/**
 * Identify takes two round trips and at most 5 s. Who has not told its protocols by then does not speak
 * this network's identify: it belongs to another network.
 */
const STRANGER_AFTER_MS = 20_000

export interface Libp2pPortComponents {
  readonly host: Host
  readonly now: () => number
  readonly networkOf: NetworkOf
}

/** The dialer's port on the real host. Nothing else in this program calls `host.dial`. */
export function createLibp2pPort({ host, now, networkOf }: Libp2pPortComponents): DialPort {
  let peers: readonly OpenPeer[] = []
  let readAtMs = Number.NEGATIVE_INFINITY
  return {
    peerId: host.peerId,
    dial: async ({ source, peerId, addresses }, signal) => {
      if (source === 'seed') {
        for (const address of addresses) host.dialPolicy.registerOperatorAddress(address)
      }
      const suffix = peerId === null ? '' : `/p2p/${peerId}`
      const targets = addresses.map((address) => `${address}${suffix}`)
      const connection = await host.dial(targets, { signal })
      return {
        peerId: connection.remotePeer.toString(),
        address: connection.remoteAddr.toString(),
      }
    },
    peers: () => {
      const nowMs = now()
      if (isLately(readAtMs, freshForMs(peers.length), nowMs)) return peers
      readAtMs = nowMs
      // A relayed connection is none that anybody wanted to have.
      const direct = host.peers().filter(({ isLimited }) => !isLimited)
      peers = direct.map((peer) => ({
        peerId: peer.peerId,
        address: peer.remoteAddress,
        direction: peer.direction,
        connectedAtMs: peer.connectedAtMs,
        isStation:
          peer.isStation ||
          (!peer.isClient && nowMs - peer.connectedAtMs < STRANGER_AFTER_MS ? null : false),
      }))
      return peers
    },
    hangUp: (peerId) =>
      host.libp2p.hangUp(peerIdFromString(peerId), { signal: AbortSignal.timeout(5000) }),
    isInbound: (peerId) => {
      const connections = host.libp2p.getConnections(peerIdFromString(peerId))
      return connections.some(
        ({ direction, limits }) => direction === 'inbound' && limits === undefined,
      )
    },
    isBusy: (peerId) => {
      const connections = host.libp2p.getConnections(peerIdFromString(peerId))
      return connections.some(({ streams }) =>
        streams.some(({ protocol, status }) => status === 'open' && !isIdle(protocol, host)),
      )
    },
    networkOf,
    ownAddresses: () => [...host.listenAddresses(), ...host.announceAddresses()],
    isOwn: (address) => host.dialPolicy.refusalOf(unmapped(address), 'seed') === 'own',
    isAllowed: (address, source) => host.dialPolicy.isDialable(address, source),
    onPeer: (listener) => host.onPeer(listener),
  }
}

/** Protocols whose streams carry nothing that would be missed; one that is still negotiated has no name. */
function isIdle(protocol: string, { names }: Host): boolean {
  const chatter: readonly string[] = [names.part, names.ping, names.identify, names.kad, '']
  return protocol.startsWith('/meshsub/') || chatter.includes(protocol)
}

/** A list of thousands takes tens of ms to make: the longer it is, the longer it is used. */
function freshForMs(count: number): number {
  return count < 64 ? 0 : Math.min(5000, count)
}

/** An IPv4 that is written as an IPv6 leads to the same place. */
function unmapped(address: string): string {
  const target = endpointOf(address)
  if (target?.kind !== 'ip6') return address
  const ip = normalizeIp(target.host)
  return ip.includes(':') ? address : replaceHost(address, ip)
}
