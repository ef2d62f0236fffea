import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import {
  type AnnounceAddress,
  announcedAddresses,
  configuredAddresses,
  isPubliclyAnnounced,
  type ListenOptions,
  listenMultiaddrs,
  webRtcListen,
} from '../../../src/network/addresses.ts'
import { NetworkError } from '../../../src/network/errors.ts'
import type { LocalAddress } from '../../../src/network/interfaces.ts'

const LISTEN: ListenOptions = {
  hosts: ['0.0.0.0', '::'],
  tcpPort: 4002,
  ws: { port: 4003, tls: null },
}
const TLS: ListenOptions = { ...LISTEN, ws: { port: 4003, tls: { cert: '', key: '' } } }
const PORTS = { tcp: 4002, ws: 4003 }

function host(kind: 'dns' | 'ip4' | 'ip6', value: string, port: number | null): AnnounceAddress {
  return { kind: 'host', input: value, host: { kind, value }, port, peerId: null }
}

function local(interfaceName: string, ip: string, isVirtualBridge = false): LocalAddress {
  return { interfaceName, ip, prefixBits: 24, isInternal: false, isVirtualBridge }
}

test('both listeners listen on both families', () => {
  assert.deepEqual(listenMultiaddrs(LISTEN, true), [
    '/ip4/0.0.0.0/tcp/4002',
    '/ip4/0.0.0.0/tcp/4003/ws',
    '/ip6/::/tcp/4002',
    '/ip6/::/tcp/4003/ws',
  ])
})

test('a machine without IPv6 listens on IPv4 alone', () => {
  assert.deepEqual(listenMultiaddrs({ ...LISTEN, ws: null }, false), ['/ip4/0.0.0.0/tcp/4002'])
})

test('a listener on IPv6 alone is an error where there is none, not a deaf node', () => {
  assert.throws(
    () => listenMultiaddrs({ ...LISTEN, hosts: ['::'] }, false),
    (error) => error instanceof NetworkError && error.code === 'LISTEN_FAILED',
  )
})

for (const [hosts, isIpv6Usable, bound, answered] of [
  [['0.0.0.0', '::'], true, '/ip6/::', ['0.0.0.0', '::']],
  [['::', '127.0.0.1', '0.0.0.0'], true, '/ip6/::', ['::', '0.0.0.0']],
  [['0.0.0.0', '::'], false, '/ip4/0.0.0.0', ['0.0.0.0']],
  [['::', '192.168.1.5'], false, '/ip4/192.168.1.5', ['192.168.1.5']],
  [['127.0.0.1', '::1'], true, '/ip4/127.0.0.1', ['127.0.0.1']],
  [['::'], true, '/ip6/::', ['::']],
] as const) {
  test(`WebRTC-direct of ${hosts} ${isIpv6Usable ? 'with' : 'without'} IPv6 is one socket`, () => {
    assert.deepEqual(webRtcListen(hosts, 4005, isIpv6Usable), {
      address: `${bound}/udp/4005/webrtc-direct`,
      hosts: answered,
    })
  })
}

test('WebRTC-direct listens nowhere where the node does not', () => {
  assert.equal(webRtcListen([], 4005, true), null)
})

test('a certificate makes the WebSocket secure', () => {
  assert.ok(listenMultiaddrs(TLS, false).includes('/ip4/0.0.0.0/tcp/4003/tls/ws'))
})

test('a listen host that is a name is refused', () => {
  assert.throws(
    () => listenMultiaddrs({ ...LISTEN, hosts: ['localhost'] }, true),
    (error) => error instanceof NetworkError && error.code === 'BAD_ADDRESS',
  )
})

const CONFIGURED: readonly [string, AnnounceAddress, readonly string[]][] = [
  [
    'a host without port stands for both listeners',
    host('dns', 'boot.example', null),
    ['/dns/boot.example/tcp/4002', '/dns/boot.example/tcp/4003/ws'],
  ],
  ['a port means TCP there', host('ip4', '8.8.8.8', 5000), ['/ip4/8.8.8.8/tcp/5000']],
  [
    'IPv6 is announced as such',
    host('ip6', '2a01::1', null),
    ['/ip6/2a01::1/tcp/4002', '/ip6/2a01::1/tcp/4003/ws'],
  ],
  [
    'a multiaddr means itself, without a peer ID at its end',
    {
      kind: 'multiaddr',
      input: '',
      multiaddr:
        '/dns4/b.example/tcp/443/tls/ws/p2p/12D3KooWEYCr2GtwNKKybWwejK3BnAKcprSWDTTf3MAwYXBpkz73',
    },
    ['/dns4/b.example/tcp/443/tls/ws'],
  ],
]

test('with a certificate a host is announced with a secure WebSocket, a proxy as it is written', () => {
  const proxy = '/dns/b.example/tcp/443/tls/ws'
  const hosts = [host('dns', 'boot.example', null), host('ip4', '8.8.8.8', null)]
  const announce = [...hosts, { kind: 'multiaddr', input: proxy, multiaddr: proxy } as const]
  assert.deepEqual(configuredAddresses(announce, TLS, PORTS), [
    '/dns/boot.example/tcp/4002',
    '/dns/boot.example/tcp/4003/tls/ws',
    '/ip4/8.8.8.8/tcp/4002',
    '/ip4/8.8.8.8/tcp/4003/tls/ws',
    proxy,
  ])
  assert.deepEqual(configuredAddresses(announce.slice(2), LISTEN, PORTS), [proxy])
})

for (const [name, address, expected] of CONFIGURED) {
  test(name, () => {
    assert.deepEqual(configuredAddresses([address], LISTEN, PORTS), expected)
  })
}

test('an address that was written twice is announced once', () => {
  const twice = [host('ip4', '8.8.8.8', 4002), host('ip4', '8.8.8.8', 4002)]
  assert.deepEqual(configuredAddresses(twice, LISTEN, PORTS), ['/ip4/8.8.8.8/tcp/4002'])
})

const BOUND = [
  '/ip4/127.0.0.1/tcp/4002',
  '/ip4/192.168.1.5/tcp/4002',
  '/ip4/172.17.0.1/tcp/4002',
  '/ip4/8.8.4.4/tcp/4002',
].map((address) => multiaddr(address))
const INTERFACES = [local('eth0', '192.168.1.5'), local('docker0', '172.17.0.1', true)]

test('LAN addresses are announced beside the configured ones, a public interface is not', () => {
  const announced = announcedAddresses({
    configured: ['/dns/boot.example/tcp/4002'],
    bound: BOUND,
    localAddresses: INTERFACES,
    isLoopbackWanted: false,
  })
  assert.deepEqual(announced.map(String), [
    '/dns/boot.example/tcp/4002',
    '/ip4/192.168.1.5/tcp/4002',
  ])
})

test('loopback is announced when it is wanted', () => {
  const announced = announcedAddresses({
    configured: ['/ip4/8.8.8.8/tcp/4002'],
    bound: BOUND,
    localAddresses: INTERFACES,
    isLoopbackWanted: true,
  })
  assert.ok(announced.map(String).includes('/ip4/127.0.0.1/tcp/4002'))
})

test('loopback is announced when there is nothing else', () => {
  const announced = announcedAddresses({
    configured: [],
    bound: [multiaddr('/ip4/127.0.0.1/tcp/4002'), multiaddr('/ip4/8.8.4.4/tcp/4002')],
    localAddresses: [],
    isLoopbackWanted: false,
  })
  assert.deepEqual(announced.map(String), ['/ip4/127.0.0.1/tcp/4002'])
})

test('an announced private address is announced, and is not public', () => {
  assert.equal(isPubliclyAnnounced([host('ip4', '192.168.1.5', null)]), false)
  assert.equal(isPubliclyAnnounced([host('dns', 'boot.example', null)]), true)
  assert.equal(isPubliclyAnnounced([host('ip6', '2a01::1', null)]), true)
  assert.equal(isPubliclyAnnounced([]), false)
})
