import assert from 'node:assert/strict'
import { test } from 'node:test'

import { quietLog } from '../../../src/network/quiet-log.ts'
import { connect, startHost } from '../../support/host.ts'
import { waitFor } from '../../support/wait-for.ts'

test('all connections and streams share one log that says nothing', async (t) => {
  const [one, other] = [await startHost(t), await startHost(t)]
  await connect(one, other)
  const [connection] = one.libp2p.getConnections()
  assert.ok(connection)
  const stream = await connection.newStream(one.names.ping)
  const silent = quietLog.forComponent('anything')
  assert.equal(connection.log.newScope('deeper'), silent)
  assert.equal(stream.log, silent)
  silent.error('nobody hears %s', 'this')
  stream.abort(new Error('seen'))
})

test('a small buffer that stays keeps no more than a small slab', async (t) => {
  await startHost(t)
  // The slab that was in use before is cut up first.
  const cut = Array.from({ length: 10_000 }, () => Buffer.allocUnsafe(32))
  assert.ok((cut.at(-1)?.buffer.byteLength ?? 0) <= 4_096)
})

test('the round trip to a peer is known from the muxer, at once', async (t) => {
  const [one, other] = [await startHost(t), await startHost(t)]
  await connect(one, other)
  await waitFor(() => typeof one.peers()[0]?.rttMs === 'number', { message: 'a round trip' })
})

test('a monitor that is on tells the round trip itself', async (t) => {
  const [one, other] = [
    await startHost(t, { connectionMonitorEnabled: true }),
    await startHost(t, {}),
  ]
  await connect(one, other)
  const [connection] = one.libp2p.getConnections()
  assert.ok(connection)
  connection.rtt = 7
  assert.equal(one.peers()[0]?.rttMs, 7)
})
