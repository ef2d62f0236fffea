import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { silenceLimitMs } from '../../src/network/liveness.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/index.ts'
import { startFreezablePeer } from '../support/frozen-peer.ts'
import { startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

/** The real times, a hundred times faster. */
const PING = { pingInterval: 300, pingTimeout: { minTimeout: 200, maxTimeout: 250 } }
const CHECK_MS = 50
const LIMIT_MS = silenceLimitMs({ pingIntervalMs: 300, pingTimeoutMs: 200 })

async function startImpatientHost(
  t: TestContext,
  options: { metrics?: Metrics; connectionMonitorEnabled?: boolean } = {},
): Promise<Host> {
  const { metrics = createMetrics(), connectionMonitorEnabled = false } = options
  return await startHost(
    t,
    {
      listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: null } },
      limits: { ...hostLimits(1_024), connectionMonitor: PING },
      livenessCheckMs: CHECK_MS,
      connectionMonitorEnabled,
    },
    { metrics },
  )
}

for (const kind of ['tcp', 'ws'] as const) {
  test(`a frozen peer is closed within its time over ${kind}, and not before`, async (t) => {
    const metrics = createMetrics()
    const host = await startImpatientHost(t, { metrics })
    const address = host
      .listenAddresses()
      .find((found) => found.endsWith('/ws') === (kind === 'ws'))
    const peer = await startFreezablePeer(t, `${address}/p2p/${host.peerId}`)
    await waitFor(() => host.peers()[0]?.rttMs !== null && host.peers().length === 1, {
      message: 'the first ping',
    })
    const frozenAtMs = Date.now()
    peer.freeze()
    await waitFor(() => host.peers().length === 0, { message: 'the frozen peer is gone' })
    const goneAfterMs = Date.now() - frozenAtMs
    // Answers that were on their way when the peer froze arrive a little later.
    assert.ok(goneAfterMs >= LIMIT_MS - CHECK_MS, `gone after ${goneAfterMs} ms`)
    assert.ok(goneAfterMs <= LIMIT_MS + 500, `gone after ${goneAfterMs} ms`)
    const text = await metrics.text()
    assert.match(text, /wesense_connections_closed_total\{reason="silent"\} 1/)
    assert.match(text, /wesense_pings_missed_total 3/)
  })
}

test('a peer that is slow for a while is not reset', async (t) => {
  const host = await startImpatientHost(t)
  const [address] = host.listenAddresses()
  const peer = await startFreezablePeer(t, `${address}/p2p/${host.peerId}`)
  await waitFor(() => host.peers()[0]?.rttMs !== null && host.peers().length === 1, {
    message: 'the first ping',
  })
  const [connection] = host.libp2p.getConnections()
  assert.ok(connection)
  for (let round = 0; round < 3; round++) {
    // Long enough to miss a ping or two, as behind a link that drops out.
    peer.freeze()
    const thawAtMs = Date.now() + LIMIT_MS / 2
    await waitFor(() => Date.now() >= thawAtMs, { message: 'half the limit' })
    peer.thaw()
    connection.rtt = undefined
    await waitFor(() => connection.rtt !== undefined || connection.status !== 'open', {
      message: 'a ping is answered again',
    })
  }
  assert.equal(connection.status, 'open')
})

test('with the monitor enabled one missed ping ends the connection', async (t) => {
  const host = await startImpatientHost(t, { connectionMonitorEnabled: true })
  const [address] = host.listenAddresses()
  const peer = await startFreezablePeer(t, `${address}/p2p/${host.peerId}`)
  await waitFor(() => host.peers()[0]?.rttMs !== null && host.peers().length === 1, {
    message: 'the first ping',
  })
  const frozenAtMs = Date.now()
  peer.freeze()
  await waitFor(() => host.peers().length === 0, { message: 'the frozen peer is gone' })
  assert.ok(Date.now() - frozenAtMs < LIMIT_MS, 'sooner than the reaper')
})
