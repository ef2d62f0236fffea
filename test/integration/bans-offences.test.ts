import { connect as connectSocket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'

import { HostPenalties } from '../../src/network/penalties/host-penalties.ts'
import { startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n')

/** What hosts are reported for; loopback itself is never judged. */
async function reports(t: TestContext, ws: boolean) {
  const seen: string[] = []
  t.mock.method(HostPenalties.prototype, 'report', (ip: string, offence: string) => {
    seen.push(`${ip} ${offence}`)
  })
  const listen = {
    hosts: ['127.0.0.1'],
    tcpPort: 0,
    ws: ws ? { port: 0, tls: null } : null,
  }
  const host = await startHost(t, { dht: null, listen })
  const address = host.listenAddresses().find((one) => one.includes('/ws') === ws)
  const port = Number(/tcp\/(\d+)/.exec(address ?? '')?.[1])
  const socket = connectSocket({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  return { seen, socket }
}

describe('an offence before a peer is known', () => {
  it('is a WebSocket frame against the protocol, reported with its address', async (t) => {
    const { seen, socket } = await reports(t, true)
    socket.write(UPGRADE)
    await new Promise((resolve) => socket.once('data', resolve))
    // Reserved bits and an opcode that nobody defined, not masked.
    socket.write(Buffer.from([0xff, 0x7f, 0xff, 0xff, 0xff, 0xff]))
    await waitFor(() => seen.includes('127.0.0.1 bad_frame'), { message: 'a report' })
  })

  it('is garbage instead of a handshake', async (t) => {
    const { seen, socket } = await reports(t, false)
    // Messages of 32 bytes, none of which ends as one of multistream does.
    socket.write(Buffer.alloc(198, 0x20))
    await waitFor(() => seen.includes('127.0.0.1 bad_handshake'), { message: 'a report' })
  })
})
