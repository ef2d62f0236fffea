import type { Connection } from '@libp2p/interface'

import { classifyIp, targetOf } from '../../address-class.ts'
import { sourceKeys } from '../../guards/inbound-caps.ts'
import type { RelayClient, RelayVerdict } from '../types.ts'

/** Who is at the other end of a connection, as limits and policy see it. */
export function relayClientOf(
  connection: Pick<Connection, 'remotePeer' | 'remoteAddr'>,
): RelayClient {
  const target = targetOf(connection.remoteAddr)
  // Of a connection through a relay the address is the relay's, which must not answer for the peer.
  const host = target === null || target.isCircuit ? '' : target.host
  const subnet = classifyIp(host) === 'public' ? sourceKeys(host).subnet : host
  return { peerId: connection.remotePeer.toString(), host, subnet }
}

/** Who asks, with the class that the policy put it in. */
export function classed(
  { class: _before, ...client }: RelayClient,
  verdict: RelayVerdict,
): RelayClient {
  return verdict.isAllowed && verdict.class === 'client' ? { ...client, class: 'client' } : client
}

/** What one host holds, so that it counts once: an IPv4 address, or the /64 of a public IPv6 one. */
export function hostKeyOf({ host }: Pick<RelayClient, 'host'>): string {
  return classifyIp(host) === 'public' ? sourceKeys(host).host : host
}

/** Whether other peers carry this connection: neither a reservation nor a circuit stands on one. */
export function isRelayed(connection: Pick<Connection, 'remoteAddr' | 'limits'>): boolean {
  return connection.limits !== undefined || targetOf(connection.remoteAddr)?.isCircuit === true
}

/** The peer's own connection that was opened last: after a change of address the older ones are dead. */
export function newestDirect(connections: readonly Connection[]): Connection | null {
  const direct = connections.filter(
    (connection) => connection.status === 'open' && !isRelayed(connection),
  )
  direct.sort((a, b) => b.timeline.open - a.timeline.open)
  return direct[0] ?? null
}
