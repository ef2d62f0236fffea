import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import { boundMultiaddrValues } from '../../../../src/network/guards/multiaddr-values.ts'
import { withLength } from '../../../support/fuzz/payloads.ts'

boundMultiaddrValues()
boundMultiaddrValues()

/** A component of variable length, as it stands in an address. */
function component(code: readonly number[], value: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(code), withLength(value)])
}

const P2P = [0xa5, 0x03]
const DNS = [0x35]
const HTTP_PATH = [0xe1, 0x03]

test('a peer ID that takes a second to write is not read', () => {
  const startedMs = performance.now()
  for (const length of [65, 1000, 16_000]) {
    const bytes = component(P2P, Buffer.alloc(length, 0xff))
    assert.throws(() => multiaddr(bytes), { name: 'NetworkError', code: 'BAD_ADDRESS' })
  }
  assert.ok(performance.now() - startedMs < 200)
})

test('a value longer than a name can be is not read', () => {
  assert.throws(() => multiaddr(component(DNS, Buffer.alloc(300, 97))), { code: 'BAD_ADDRESS' })
  assert.equal(
    multiaddr(component(DNS, Buffer.alloc(200, 97))).toString(),
    `/dns/${'a'.repeat(200)}`,
  )
})

test('what cannot be written again is not read', () => {
  assert.throws(() => multiaddr(component(HTTP_PATH, Buffer.from('😀'))), { name: 'URIError' })
  const path = multiaddr(component(HTTP_PATH, Buffer.from('/a b')))
  assert.equal(path.toString(), '/http-path/a%20b')
})

test('addresses of all kinds are read and written as they were', () => {
  const id = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
  const rsa = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'
  for (const text of [
    `/ip4/203.0.113.9/tcp/4002/p2p/${id}`,
    `/ip6/2001:db8::1/tcp/4003/ws/p2p/${rsa}/p2p-circuit/p2p/${id}`,
    '/dns/relay.example.org/tcp/443/tls/sni/relay.example.org/ws',
    '/ip4/203.0.113.9/udp/4005/webrtc-direct/certhash/uEiCAsfkbrBTaWaBuNqvSSBo45TIqLeR6lM9OKXp5GRMhGw',
    '/dnsaddr/bootstrap.example.org',
    '/unix/%2Ftmp%2Fsocket',
  ]) {
    assert.equal(multiaddr(multiaddr(text).bytes).toString(), text)
  }
})
