import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { observedIp } from '../../../../src/network/reachability/libp2p-reachability.ts'
import { ObservedHosts } from '../../../../src/network/reachability/observed.ts'
import { OTHER_PEER_ID } from '../../../support/api.ts'

const V4 = '/ip4/198.51.100.1/tcp/4002'
const V6 = '/ip6/2001:db8::1/tcp/4002'

for (const [what, observed, dialled, ip] of [
  ['an IPv4 address', '/ip4/203.0.113.7/tcp/50000', V4, '203.0.113.7'],
  ['an IPv6 address', '/ip6/2001:db8:7::7/tcp/50000', V6, '2001:db8:7:0:0:0:0:7'],
  ['nothing', undefined, V4, null],
  ['an address of the other family', '/ip6/2001:db8:7::7/tcp/50000', V4, null],
  ['an IPv4 address over IPv6', '/ip4/203.0.113.7/tcp/50000', V6, null],
  ['a private address', '/ip4/192.168.1.7/tcp/50000', V4, null],
  ['a name', '/dns4/victim.example/tcp/50000', V4, null],
  ['a relay', `/ip4/203.0.113.7/tcp/4002/p2p/${OTHER_PEER_ID}/p2p-circuit`, V4, null],
] as const) {
  test(`a peer that sees this node at ${what} is ${ip === null ? 'not ' : ''}believed`, () => {
    const seen = observed === undefined ? undefined : multiaddr(observed)
    assert.equal(observedIp(seen, multiaddr(dialled)), ip)
  })
}

test('of addresses that as many see, the one that is seen for longer counts', () => {
  const hosts = new ObservedHosts()
  hosts.note('honest', { ip: '203.0.113.7', subnet: 'a' })
  for (const last of [1, 2, 3]) {
    hosts.note('liar', { ip: `198.51.100.${last}`, subnet: 'b' })
    assert.deepEqual(hosts.best(), ['203.0.113.7'])
  }
  assert.deepEqual(hosts.witnesses('198.51.100.3'), ['liar'])
})
