import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import { TEST_TLS } from '../support/tls.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  closed,
  rawSocket,
  UPGRADE,
  upgradedSocket,
  WS_LISTEN,
  wsAddress,
} from '../support/websocket.ts'

async function assertReachable(t: { after(fn: () => void): void }, host: Host): Promise<void> {
  const visitor = await startHost(t)
  await visitor.dial([`${wsAddress(host)}/p2p/${host.peerId}`])
}

test('one malformed frame ends its socket and not the process', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, { listen: WS_LISTEN }, { metrics })
  const socket = await upgradedSocket(t, host)
  // Reserved bits that no extension asked for.
  socket.write(Buffer.from([0xf2, 0x80, 0, 0, 0, 0]))
  await closed(socket)
  await assertReachable(t, host)
  assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="bad-frame"\} 1/)
})

test('a frame of 8 MiB is refused at its header', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, { listen: WS_LISTEN }, { metrics })
  const socket = await upgradedSocket(t, host)
  const header = Buffer.alloc(14)
  header.writeUInt8(0x82, 0)
  header.writeUInt8(0xff, 1)
  header.writeBigUInt64BE(8n * 1024n * 1024n, 2)
  socket.write(header)
  const received: Buffer[] = []
  socket.on('data', (bytes) => received.push(bytes))
  await closed(socket)
  // Opcode 8 with code 1009: the message is too big.
  assert.match(Buffer.concat(received).toString('hex'), /88..03f1/)
  await assertReachable(t, host)
})

test('a socket that sends nothing, or no whole request, is closed', async (t) => {
  const metrics = createMetrics()
  const limits = hostLimits(1_024)
  const ws = { ...limits.ws, upgradeTimeout: 200 }
  const host = await startHost(t, { listen: WS_LISTEN, limits: { ...limits, ws } }, { metrics })
  const idle = await rawSocket(t, host)
  const slow = await rawSocket(t, host)
  slow.write('GET / HTTP/1.1\r\nHost: ')
  await Promise.all([closed(idle), closed(slow)])
  assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="idle-socket"\} 2/)
})

test('a WebSocket in use outlives the time limit of its upgrade', async (t) => {
  const limits = hostLimits(1_024)
  const ws = { ...limits.ws, upgradeTimeout: 150 }
  const host = await startHost(t, { listen: WS_LISTEN, limits: { ...limits, ws } })
  const idle = await rawSocket(t, host)
  await assertReachable(t, host)
  await closed(idle)
  // The idle socket came first, so its limit and that of the one in use have passed.
  await once(await rawSocket(t, host).then((socket) => socket.resume()), 'close')
  assert.equal(host.peers().length, 1)
})

test('idle sockets do not hold up the stop', async (t) => {
  const host = await startHost(t, { listen: WS_LISTEN })
  for (let count = 0; count < 20; count++) await rawSocket(t, host)
  const startedAtMs = performance.now()
  await host.stop()
  assert.ok(performance.now() - startedAtMs < 2_500, 'well within the bound of three seconds')
})

test('an aborted connection frees its socket', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, { listen: WS_LISTEN }, { metrics })
  const visitor = await startHost(t)
  await visitor.dial([`${wsAddress(host)}/p2p/${host.peerId}`])
  const [connection] = await waitFor(
    () => host.libp2p.getConnections().length > 0 && host.libp2p.getConnections(),
    { message: 'connected' },
  )
  connection?.abort(new Error('test'))
  await waitFor(() => visitor.peers().length === 0, { message: 'the visitor sees it closed' })
  assert.match(await metrics.text(), /wesense_websocket_guard_total\{event="abort"\} 1/)
})

test('with a certificate the listener speaks TLS and announces it', async (t) => {
  const limits = hostLimits(1_024)
  const host = await startHost(t, {
    listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: TEST_TLS } },
    limits: { ...limits, ws: { ...limits.ws, upgradeTimeout: 300 } },
  })
  const address = host.listenAddresses().find((found) => found.endsWith('/tls/ws'))
  assert.ok(address)
  assert.ok(host.announceAddresses().includes(address))
  const socket = connectTls({
    port: Number(address.split('/')[4]),
    host: '127.0.0.1',
    ca: TEST_TLS.cert,
    servername: 'localhost',
  })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(UPGRADE)
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1.1 101/)
  // An upgraded socket is no idle one, though TLS made another object of it.
  const idle = await rawSocket(t, host, address)
  await closed(idle)
  assert.equal(socket.destroyed, false)
})

test('sockets of one host that send nothing leave room for others of it and for everybody else', async (t) => {
  const metrics = createMetrics()
  const limits = hostLimits(1_024)
  const connectionManager = { ...limits.connectionManager, maxIncomingPendingConnections: 4 }
  const host = await startHost(
    t,
    { listen: WS_LISTEN, limits: { ...limits, connectionManager } },
    { metrics },
  )
  const sockets = []
  for (let i = 0; i < 6; i++) sockets.push(await rawSocket(t, host))
  await Promise.all(sockets.slice(4).map(closed))
  assert.match(await metrics.text(), /wesense_inbound_refused_total\{cap="handshakes"\} 2/)
  sockets[0]?.destroy()
  await waitFor(
    async () => {
      const socket = await rawSocket(t, host)
      socket.write(UPGRADE)
      return await Promise.race([
        once(socket, 'data').then(() => true),
        once(socket, 'close').then(() => false),
      ])
    },
    { message: 'the place of the one that left is free' },
  )
})
