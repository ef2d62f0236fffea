import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '../../src/telemetry/index.ts'
import { HandshakeRates } from '../../src/tls/index.ts'
import { helloSender } from '../support/client-hello.ts'
import { startHost } from '../support/host.ts'
import { TEST_TLS } from '../support/tls.ts'

/** Of all addresses: on a node of loopback alone all of it is exempt. */
const LISTEN = { hosts: ['0.0.0.0'], tcpPort: 0, ws: { port: 0, tls: TEST_TLS } }

test('one address begins so many TLS handshakes with the WebSocket port, and others theirs', async (t) => {
  const metrics = createMetrics()
  const handshakeRates = new HandshakeRates(undefined, { now: () => 0 })
  const host = await startHost(t, { listen: LISTEN }, { metrics, handshakeRates })
  const address = host.listenAddresses().find((found) => found.endsWith('/tls/ws')) ?? ''
  const helloFrom = helloSender(t, Number(address.split('/')[4]))
  let answered = 0
  for (let count = 0; count < 200; count++) answered += Number(await helloFrom('127.0.0.1'))
  // All that are not the first of their network.
  assert.equal(answered, 124)
  assert.equal(await helloFrom('127.0.0.2'), true)
  assert.match(await metrics.text(), /wesense_inbound_refused_total\{cap="busy"\} 76/)
})

test('a node of loopback alone has no rate of TLS handshakes', async (t) => {
  const handshakeRates = new HandshakeRates(undefined, { now: () => 0 })
  const listen = { ...LISTEN, hosts: ['127.0.0.1'] }
  const host = await startHost(t, { listen }, { handshakeRates })
  const address = host.listenAddresses().find((found) => found.endsWith('/tls/ws')) ?? ''
  const helloFrom = helloSender(t, Number(address.split('/')[4]))
  for (let count = 0; count < 200; count++) assert.equal(await helloFrom('127.0.0.1'), true)
})
