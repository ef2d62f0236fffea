import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { createListener } from '../../../../src/api/public/listener.ts'
import { DEFAULT_PUBLIC_LIMITS } from '../../../../src/api/public/options.ts'
import { HandshakeRates } from '../../../../src/tls/index.ts'
import { helloSender } from '../../../support/client-hello.ts'
import { TEST_TLS } from '../../../support/tls.ts'

test('no TLS is begun on a socket that is refused', async (t) => {
  const events: string[] = []
  let isTrusted = false
  const server = createListener(() => {}, {
    limits: { ...DEFAULT_PUBLIC_LIMITS, maxConnectionsPerClient: 0 },
    isTrustedProxy: () => isTrusted,
    pair: TEST_TLS,
    handshakeRates: new HandshakeRates(),
    onRefused: () => events.push('refused'),
  })
  t.after(() => server.close())
  server.on('tlsClientError', () => events.push('TLS'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const helloFrom = helloSender(t, (server.address() as AddressInfo).port)
  for (let count = 0; count < 3; count++) assert.equal(await helloFrom('127.0.0.1'), false)
  isTrusted = true
  assert.equal(await helloFrom('127.0.0.1'), true)
  assert.deepEqual(events, ['refused', 'refused', 'refused'])
})
