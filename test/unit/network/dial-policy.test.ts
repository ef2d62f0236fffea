import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { DialPolicy, type DialRefusal } from '../../../src/network/dial-policy.ts'
import { type LocalAddress, LocalNetwork } from '../../../src/network/interfaces.ts'

const SELF = '12D3KooWEYCr2GtwNKKybWwejK3BnAKcprSWDTTf3MAwYXBpkz73'
const OTHER = '12D3KooWGDMUwnS7cYoSGdfczkwzJLsY5QpkHYvXaHoumXELea2k'

const INTERFACES: LocalAddress[] = [
  ['eth0', '192.168.1.5', 24],
  ['eth0', 'fd12::5', 64],
  ['tun0', '100.64.9.1', 24],
].map(([interfaceName, ip, prefixBits]) => ({
  interfaceName: String(interfaceName),
  ip: String(ip),
  prefixBits: Number(prefixBits),
  isInternal: false,
  isVirtualBridge: false,
}))
const OWN = [
  '/ip4/127.0.0.1/tcp/4002',
  '/ip4/192.168.1.5/tcp/4002',
  '/ip4/192.168.1.5/tcp/4003/ws',
  '/dns/boot.example/tcp/4002',
  '/ip6/2a01:0:0::1/tcp/4002',
].map((address) => multiaddr(address))

function policy(options: { isLoopbackMeant?: boolean; isWildcard?: boolean } = {}): DialPolicy {
  return new DialPolicy(
    { peerId: SELF, isLoopbackMeant: false, isWildcard: true, ...options },
    { localNetwork: new LocalNetwork(() => INTERFACES), ownAddresses: () => OWN },
  )
}

const LEARNED: readonly [address: string, refusal: DialRefusal | null][] = [
  ['/ip4/8.8.8.8/tcp/4002', null],
  ['/ip4/8.8.8.8/tcp/443/tls/ws', null],
  ['/ip4/8.8.8.8/tcp/80/ws', null],
  ['/dns4/example.org/tcp/443/tls/sni/Example.org/ws', null],
  ['/ip4/8.8.8.8/tcp/4002/tls/sni/localhost/ws', 'tls-elsewhere'],
  ['/dns4/example.org/tcp/443/tls/sni/metadata.internal/ws', 'tls-elsewhere'],
  [`/ip4/8.8.8.8/tcp/443/tls/sni/victim.example/ws/p2p/${OTHER}/p2p-circuit`, 'tls-elsewhere'],
  ['/ip4/8.8.8.8/tcp/22', 'low-port'],
  ['/dns4/example.org/tcp/25', 'low-port'],
  ['/dns4/example.org/tcp/4002', null],
  ['/dns4/under_score.Example.org./tcp/4002', null],
  // A URL, by which a WebSocket is dialled, ends the host where a resolver reads on.
  ['/dns4/169.254.169.254\\latest\\x.example/tcp/8080/ws', 'malformed'],
  ['/dns4/10.0.0.1?.example/tcp/8080/ws', 'malformed'],
  ['/dns4/10.0.0.1#.example/tcp/8080/ws', 'malformed'],
  ['/dns4/10.0.0.1:80.example/tcp/8080/ws', 'malformed'],
  ['/dns4/example.org@10.0.0.1/tcp/8080/ws', 'malformed'],
  ['/dns4/10.0.0.1%2f.example/tcp/8080/ws', 'malformed'],
  ['/dns4/10.0.0.1/tcp/8080/ws', 'malformed'],
  ['/dns4/0x7f.1/tcp/8080/ws', 'malformed'],
  ['/dns4/１２７.0.0.1/tcp/8080/ws', 'malformed'],
  ['/ip4/8.8.8.8/tcp/443/tls/sni/10.0.0.1\\x.example/ws', 'malformed'],
  ['/ip6/::ffff:0:10.0.0.1/tcp/4002', 'reserved'],
  ['/ip4/192.168.1.77/tcp/4002', null],
  ['/ip6/fd12::77/tcp/4002', null],
  ['/ip4/100.64.9.9/tcp/4002', null],
  ['/ip4/192.168.2.77/tcp/4002', 'not-on-link'],
  ['/ip4/10.0.0.1/tcp/4002', 'not-on-link'],
  ['/ip4/100.65.0.1/tcp/4002', 'not-on-link'],
  ['/ip6/::ffff:10.0.0.1/tcp/4002', 'not-on-link'],
  ['/ip4/127.0.0.1/tcp/6379', 'loopback'],
  ['/ip6/::1/tcp/6379', 'loopback'],
  ['/ip4/169.254.1.1/tcp/4002', 'link-local'],
  ['/ip6/fe80::1/tcp/4002', 'link-local'],
  ['/ip4/169.254.169.254/tcp/8080', 'metadata'],
  ['/ip4/0.0.0.0/tcp/5000', 'unspecified'],
  ['/ip4/224.0.0.1/tcp/4002', 'multicast'],
  ['/ip4/255.255.255.255/tcp/4002', 'reserved'],
  [`/ip4/8.8.8.8/tcp/4002/p2p/${OTHER}/p2p-circuit`, null],
  [`/ip4/10.0.0.1/tcp/4002/p2p/${OTHER}/p2p-circuit`, 'not-on-link'],
  [`/ip4/8.8.8.8/tcp/25/p2p/${OTHER}/p2p-circuit`, 'low-port'],
  [`/ip4/8.8.8.8/tcp/4002/p2p-circuit/p2p/${OTHER}`, 'relay-unnamed'],
  [
    `/ip4/8.8.8.8/tcp/4002/p2p/${OTHER}/p2p-circuit/p2p/${OTHER}/p2p-circuit/p2p/${OTHER}`,
    'relay-chain',
  ],
  ['/p2p-circuit', 'malformed'],
  ['nonsense', 'malformed'],
]

for (const [address, refusal] of LEARNED) {
  test(`a remote's ${address} is ${refusal === null ? 'dialable' : `refused as ${refusal}`}`, () => {
    for (const source of ['dht', 'mdns', 'peer-exchange', 'registry', 'address-book'] as const) {
      assert.equal(policy().refusalOf(address, source), refusal)
    }
  })
}

const OWN_FORMS = [
  '/ip4/192.168.1.5/tcp/4002',
  '/ip4/192.168.1.5/tcp/4003',
  '/ip4/127.0.0.1/tcp/4002',
  '/ip6/::ffff:192.168.1.5/tcp/4002',
  '/ip4/127.9.9.9/tcp/4002',
  '/ip6/::1/tcp/4002',
  '/ip4/0.0.0.0/tcp/4002',
  '/ip6/fd12::5/tcp/4002',
  '/ip4/100.64.9.1/tcp/4003/ws',
  '/dns/BOOT.example./tcp/4002',
  '/dns4/localhost/tcp/4002',
  '/ip6/2a01::1/tcp/4002',
  `/ip4/8.8.8.8/tcp/4002/p2p/${SELF}`,
  `/ip4/8.8.8.8/tcp/4002/p2p/${OTHER}/p2p-circuit/p2p/${SELF}`,
  `/ip4/8.8.8.8/tcp/4002/p2p/${SELF}/p2p-circuit/p2p/${OTHER}`,
  `/ip4/192.168.1.5/tcp/4002/p2p/${OTHER}/p2p-circuit/p2p/${OTHER}`,
]

for (const address of OWN_FORMS) {
  test(`${address} leads back here and is never dialled, not even as a seed`, () => {
    assert.equal(policy().refusalOf(address, 'seed'), 'own')
  })
}

test('the relay through which this node is reached is not this node', () => {
  const at = '/ip4/8.8.8.8/tcp/4002'
  const relayed = new DialPolicy(
    { peerId: SELF, isLoopbackMeant: false, isWildcard: true },
    {
      localNetwork: new LocalNetwork(() => INTERFACES),
      ownAddresses: () => [...OWN, multiaddr(`${at}/p2p/${OTHER}/p2p-circuit`)],
    },
  )
  assert.equal(relayed.refusalOf(`${at}/p2p/${OTHER}`, 'dht'), null)
})

test('another node on this machine is not this node', () => {
  const here = policy({ isLoopbackMeant: true })
  assert.equal(here.refusalOf('/ip4/127.0.0.1/tcp/4102', 'dht'), null)
  assert.equal(here.refusalOf('/ip4/192.168.1.5/tcp/4102', 'dht'), null)
})

test('a node that listens on one loopback address does not own the others', () => {
  const here = policy({ isLoopbackMeant: true, isWildcard: false })
  assert.equal(here.refusalOf('/ip4/127.0.0.2/tcp/4002', 'dht'), null)
  assert.equal(here.refusalOf('/ip4/127.0.0.1/tcp/4002', 'dht'), 'own')
})

test('what the operator wrote is dialled as written, whoever proposes it', () => {
  const here = policy()
  here.registerOperatorAddress('/ip4/10.9.9.9/tcp/22')
  assert.equal(here.isDialable('/ip4/10.9.9.9/tcp/22', 'dht'), true)
  assert.equal(here.isDialable(`/ip4/10.9.9.9/tcp/22/p2p/${OTHER}`, 'registry'), true)
  assert.equal(here.isDialable('/ip4/10.9.9.9/tcp/23', 'dht'), false)
  assert.equal(here.isDialable('/ip4/10.9.9.8/tcp/22', 'dht'), false)
})

test('a seed is dialled before it is registered', () => {
  assert.equal(policy().isDialable('/ip4/10.9.9.9/tcp/22', 'seed'), true)
})

test('a loopback address that the operator wrote opens loopback', () => {
  const here = policy()
  here.registerOperatorAddress('/ip4/127.0.0.1/tcp/4102')
  assert.equal(here.isLoopbackWanted, true)
  assert.equal(here.isDialable('/ip4/127.0.0.1/tcp/4202', 'peer-exchange'), true)
})

test('a zero prefix does not put the internet on our link', () => {
  const network = new LocalNetwork(() => [
    {
      interfaceName: 'ppp0',
      ip: '10.1.1.1',
      prefixBits: 0,
      isInternal: false,
      isVirtualBridge: false,
    },
  ])
  assert.equal(network.isOnLink('10.2.2.2'), false)
})

test('a name for TLS is dialled with the address that the operator wrote it in, and with no other', () => {
  const dials = policy()
  dials.registerOperatorAddress('/ip4/8.8.8.8/tcp/443/tls/sni/seed.example/ws')
  dials.registerOperatorAddress('/ip4/8.8.4.4/tcp/443/tls/ws')
  assert.equal(dials.refusalOf('/ip4/8.8.8.8/tcp/443/tls/sni/seed.example/ws', 'dht'), null)
  for (const address of [
    '/ip4/8.8.8.8/tcp/443/tls/sni/victim.example/ws',
    '/ip4/8.8.4.4/tcp/443/tls/sni/victim.example/ws',
  ]) {
    assert.equal(dials.refusalOf(address, 'dht'), 'tls-elsewhere')
    assert.equal(dials.isOperatorAddress(address), false)
  }
})
