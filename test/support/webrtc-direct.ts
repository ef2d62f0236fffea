import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Connection } from '@libp2p/interface'
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { roundTripMs } from '../../src/client/probe.ts'

type CleanUp = { after(job: () => unknown): void }

/**
 * Dials as a page does that has nothing but WebRTC-direct, and hears the node answer: what it refuses after the
 * handshake looks open at this end. @param address with `/p2p/<id>`
 */
export async function dialDirect(
  t: CleanUp,
  address: string,
  network = 'wesense',
): Promise<Connection> {
  const connection = await dialUnanswered(t, address)
  await roundTripMs(connection, `/${network}/ping/1.0.0`)
  return connection
}

/** The same without hearing anything. */
export async function dialUnanswered(t: CleanUp, address: string): Promise<Connection> {
  const client = await createLibp2p({
    addresses: { listen: [] },
    transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  t.after(() => client.stop())
  return await client.dial(multiaddr(address), { signal: AbortSignal.timeout(8000) })
}

/** Sends STUN requests that carry a new name each, from as many loopback addresses. */
export async function floodStun(
  port: number,
  hosts: readonly string[],
  each: number,
): Promise<void> {
  for (const host of hosts) {
    const socket = createSocket('udp4')
    socket.bind(0, host)
    await once(socket, 'listening')
    for (let count = 0; count < each; count++) {
      const request = bindingRequest(`libp2p+webrtc+v1/${host.replaceAll('.', 'x')}y${count}`)
      await new Promise((resolve) => socket.send(request, port, '127.0.0.1', resolve))
    }
    await new Promise<void>((resolve) => socket.close(resolve))
  }
}

/** RFC 8489: a binding request with a USERNAME of ICE, and a MESSAGE-INTEGRITY that proves nothing. */
function bindingRequest(ufrag: string): Buffer {
  const name = Buffer.from(`${ufrag}:${ufrag}`)
  const padded = Buffer.alloc(Math.ceil(name.length / 4) * 4)
  name.copy(padded)
  const message = Buffer.alloc(24 + padded.length + 24)
  message.writeUInt16BE(0x0001, 0)
  message.writeUInt16BE(message.length - 20, 2)
  message.writeUInt32BE(0x2112a442, 4)
  message.write(ufrag.slice(-12).padStart(12, '-'), 8, 'latin1')
  message.writeUInt16BE(0x0006, 20)
  message.writeUInt16BE(name.length, 22)
  padded.copy(message, 24)
  message.writeUInt16BE(0x0008, 24 + padded.length)
  message.writeUInt16BE(20, 26 + padded.length)
  return message
}
