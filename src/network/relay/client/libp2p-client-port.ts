import type { IdentifyResult } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import type { Logger } from '../../../telemetry/index.ts'
import type { Dialer } from '../../dialer/dialer.ts'
import type { Host } from '../../host.ts'
import type { LearnedAddresses } from '../../host-addresses.ts'
import { isRelayed, newestDirect } from '../hop/client-source.ts'
import { HOP_PROTOCOL } from '../hop/wire.ts'
import type { DirectConnection, RelayClientPort } from './types.ts'

export interface ClientPortComponents {
  readonly host: Host
  readonly dialer: Pick<Dialer, 'reach'>
  readonly logger: Logger
}

/** The relay client's port on the real host and dialer. */
export function createClientPort({ host, dialer, logger }: ClientPortComponents): RelayClientPort {
  const connectionTo = (peerId: string): DirectConnection | null => {
    const direct = newestDirect(host.libp2p.getConnections(peerIdFromString(peerId)))
    if (direct === null) return null
    return {
      address: direct.remoteAddr.toString(),
      isOutbound: direct.direction === 'outbound',
      rttMs: direct.rtt ?? null,
    }
  }
  return {
    transport: host.transport,
    connectionTo,
    connect: async (peerId, addresses, signal) => {
      await dialer.reach({ source: 'registry', peerId, addresses }, signal)
    },
    isDialable: (address) => host.dialPolicy.isDialable(address, 'dht'),
    publish: (reservations) => {
      const relayed = reservations.flatMap(({ addresses }) => addresses)
      const relays = new Set(reservations.map(({ relayPeerId }) => relayPeerId))
      tellAddresses(host, { relayed: relayed.map((text) => multiaddr(text)), relays }, logger)
    },
    onRelay: (listener) => {
      const relays = new Set<string>()
      const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
        const { connection, protocols } = detail
        const peerId = detail.peerId.toString()
        if (isRelayed(connection) || !protocols.includes(HOP_PROTOCOL)) return
        const direct = connectionTo(peerId)
        if (direct === null) return
        relays.add(peerId)
        listener(peerId, direct)
      }
      host.libp2p.addEventListener('peer:identify', onIdentify)
      const unsubscribe = host.onPeer((peerId, isConnected) => {
        if (!isConnected && relays.delete(peerId)) listener(peerId, null)
      })
      return () => {
        host.libp2p.removeEventListener('peer:identify', onIdentify)
        unsubscribe()
      }
    },
  }
}

/** Changes what this node says of itself; connected peers are told with the next identify push. */
export function tellAddresses(
  host: Host,
  learned: Partial<LearnedAddresses>,
  logger: Logger,
): void {
  if (!host.addresses.learn(learned)) return
  const { libp2p } = host
  // libp2p 3.3 sends what it stored last, and looks for other addresses when its own listeners change.
  libp2p.peerStore
    .patch(libp2p.peerId, { multiaddrs: host.addresses.announced() })
    .catch((error: unknown) => logger.debug({ error }, 'Own addresses not stored'))
}
