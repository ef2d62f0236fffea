import assert from 'node:assert/strict'
import { test } from 'node:test'

import { multiaddr } from '@multiformats/multiaddr'

import { HostAddresses } from '../../../src/network/host-addresses.ts'
import { createMetrics, silentLogger } from '../../../src/telemetry/index.ts'
import { seededIdentity } from '../../support/seeded-identity.ts'

const MOVED = '/ip4/203.0.113.8/tcp/4002'

test('own addresses are looked at every five seconds, also when the clock is set back', (t) => {
  let elapsedMs = 0
  t.mock.method(performance, 'now', () => elapsedMs)
  let bound = [multiaddr('/ip4/203.0.113.7/tcp/4002')]
  let interfaces = ['203.0.113.7']
  const addresses = new HostAddresses(
    { listen: { hosts: ['0.0.0.0'], tcpPort: 4002, ws: null }, announce: [] },
    {
      identity: seededIdentity(new Uint8Array(32)),
      logger: silentLogger,
      metrics: createMetrics(),
      readInterfaces: () =>
        interfaces.map((ip) => ({
          interfaceName: 'eth0',
          ip,
          prefixBits: 24,
          isInternal: false,
          isVirtualBridge: false,
        })),
    },
  ).attach({ transportManager: { getAddrs: () => bound } })
  assert.equal(addresses.dialPolicy.refusalOf(MOVED, 'seed'), null)
  assert.equal(addresses.localNetwork.isOnLink('192.168.7.9'), false)
  bound = [multiaddr(MOVED)]
  interfaces = ['192.168.7.1']
  t.mock.method(Date, 'now', () => 0)
  elapsedMs = 4_999
  assert.equal(addresses.dialPolicy.refusalOf(MOVED, 'seed'), null)
  elapsedMs = 5_000
  assert.equal(addresses.dialPolicy.refusalOf(MOVED, 'seed'), 'own')
  assert.equal(addresses.localNetwork.isOnLink('192.168.7.9'), true)
})
