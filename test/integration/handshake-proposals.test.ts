import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { test } from 'node:test'

import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { startHost } from '../support/host.ts'
import { lineOf } from '../support/muxer-attacker.ts'

test('protocols proposed without end end a handshake long before its deadline', async (t) => {
  const metrics = createMetrics()
  const limits = hostLimits(1_024)
  const patient = { ...limits.connectionManager, inboundUpgradeTimeout: 60_000 }
  const host = await startHost(
    t,
    { limits: { ...limits, connectionManager: patient } },
    { metrics },
  )
  const socket = connectSocket(Number(host.listenAddresses()[0]?.split('/')[4]), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.resume()
  socket.write(lineOf('/multistream/1.0.0'))
  for (let n = 0; n < 30; n++) socket.write(lineOf('x'))
  await closed
  assert.match(await metrics.text(), /connections_cut_total\{reason="handshake"\} 1/)
})

test('one who proposes little is let in, and is answered as often as it likes from then on', async (t) => {
  const host = await startHost(t)
  const peer = await startHost(t)
  await host.libp2p.handle('/test/echo', async (stream) => {
    for await (const bytes of stream) stream.send(bytes)
    await stream.close()
  })
  const connection = await peer.dial([`${host.listenAddresses()[0]}/p2p/${host.peerId}`])
  for (let n = 0; n < 20; n++) {
    const stream = await connection.newStream('/test/echo')
    stream.send(Buffer.of(n))
    await stream.close()
    for await (const bytes of stream) assert.deepEqual([...bytes.subarray()], [n])
  }
  assert.equal(connection.status, 'open')
})
