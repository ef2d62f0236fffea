import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { classifyIp, normalizeHost, targetOf } from '../../../src/network/address-class.ts'

const CLASSES = {
  public: [
    '8.8.8.8',
    '172.32.0.1',
    '198.51.100.7',
    '2a01:4f8::1',
    '64:ff9b::808:808',
    '2001:0:1:2:0:0:f7f7:f7f7',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::808:808',
    '2002:a00:1::1',
    '2001:0:1:2:0:0:f5ff:fffe',
    'fec0::1',
  ],
  'carrier-nat': ['100.64.0.1', '100.127.255.255'],
  loopback: ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
  'link-local': ['169.254.1.1', 'fe80::1', 'febf::1'],
  metadata: [
    '169.254.169.254',
    '100.100.100.200',
    'fd00:ec2::254',
    '2002:a9fe:a9fe::1',
    '168.63.129.16',
    'fd20:ce::254',
  ],
  unspecified: ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0'],
  multicast: ['224.0.0.251', 'ff02::fb'],
  reserved: ['240.0.0.1', '255.255.255.255', '192.0.0.8', '192.88.99.1', '::127.0.0.1'],
} as const

for (const [expected, ips] of Object.entries(CLASSES)) {
  for (const ip of ips) {
    test(`${ip} is ${expected}`, () => {
      assert.equal(classifyIp(ip), expected)
    })
  }
}

test('what is no IP address has no class', () => {
  for (const text of ['', 'localhost', '1.2.3', '300.1.1.1', 'fe80:::1']) {
    assert.equal(classifyIp(text), null)
  }
})

test('two spellings of one address become one', () => {
  assert.equal(normalizeHost('2001:DB8:0::1'), normalizeHost('2001:db8::0:1'))
  assert.equal(normalizeHost('::ffff:1.2.3.4'), '1.2.3.4')
  assert.equal(normalizeHost('::ffff:102:304'), '1.2.3.4')
  assert.equal(normalizeHost('Boot.Example.'), 'boot.example')
})

test('a multiaddr leads to its first hop and to its last peer', () => {
  const relay = '12D3KooWEYCr2GtwNKKybWwejK3BnAKcprSWDTTf3MAwYXBpkz73'
  const far = '12D3KooWGDMUwnS7cYoSGdfczkwzJLsY5QpkHYvXaHoumXELea2k'
  const target = targetOf(multiaddr(`/ip4/8.8.8.8/tcp/4002/p2p/${relay}/p2p-circuit/p2p/${far}`))
  assert.deepEqual(target, {
    kind: 'ip',
    host: '8.8.8.8',
    port: 4002,
    peerId: far,
    isCircuit: true,
    relayPeerId: relay,
    isChain: false,
    tlsName: null,
  })
  const chain = `/ip4/8.8.8.8/tcp/4002/p2p/${relay}/p2p-circuit/p2p/${far}/p2p-circuit`
  assert.equal(targetOf(multiaddr(chain))?.isChain, true)
  assert.equal(targetOf(multiaddr('/ip4/8.8.8.8/tcp/4002'))?.relayPeerId, null)
  const secure = '/ip4/8.8.8.8/tcp/443/tls/sni/A.example/ws'
  assert.equal(targetOf(multiaddr(secure))?.tlsName, 'a.example')
})

test('a name is a target of its own kind, and an address without host is none', () => {
  assert.equal(targetOf(multiaddr('/dns4/boot.example/tcp/4002'))?.kind, 'name')
  assert.equal(targetOf(multiaddr('/ip6zone/eth0/ip6/fe80::1/tcp/1'))?.host, 'fe80:0:0:0:0:0:0:1')
  assert.equal(targetOf(multiaddr('/p2p-circuit')), null)
})
