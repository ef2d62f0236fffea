import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { multiaddr } from '@multiformats/multiaddr'

import { targetOf } from '../address-class.ts'

/**
 * Why nothing can be bound there, as the system says it: @libp2p/webrtc 6.0 keeps no reason. Can go when it does.
 * @param address as `/ip4/0.0.0.0/udp/4005/webrtc-direct`
 * @returns null where it can be bound, by now at least
 */
export async function bindProblem(address: string): Promise<Error | null> {
  const target = targetOf(multiaddr(address))
  if (target?.kind !== 'ip') return null
  const { host, port } = target
  // As the library's: on `::` it is one for both families.
  const socket = host.includes(':')
    ? createSocket({ type: 'udp6' })
    : createSocket({ type: 'udp4' })
  try {
    const bound = once(socket, 'listening')
    socket.bind(port ?? 0, host)
    await bound
    return null
  } catch (error) {
    return error instanceof Error ? error : null
  } finally {
    socket.close()
  }
}
