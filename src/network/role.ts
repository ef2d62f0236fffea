import type { ProtocolNames } from './protocols.ts'
import { HOP_PROTOCOL } from './relay/hop/wire.ts'

/**
 * What a peer is to this network: a station; a thin client, such as a page in a browser, which has the network's
 * identify and nothing that stations do for each other, such as to relay; or none of it.
 */
export type PeerRole = 'station' | 'client' | 'other'

/**
 * Told by what the peer serves and not by what it calls itself: who leaves out a station's protocols to pass for a
 * client is none for others either.
 * @param protocols as identify told them
 */
export function roleOf(
  protocols: readonly string[],
  names: Pick<ProtocolNames, 'identify' | 'peerExchange' | 'part'>,
): PeerRole {
  if (!protocols.includes(names.identify)) return 'other'
  const isStation = protocols.some(
    (protocol) =>
      protocol.startsWith('/meshsub/') ||
      protocol === HOP_PROTOCOL ||
      protocol === names.peerExchange ||
      protocol === names.part,
  )
  return isStation ? 'station' : 'client'
}
