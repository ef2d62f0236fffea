import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'

import {
  addressText,
  endpointOf,
  normalizeIp,
  replaceHost,
  splitAddress,
  subnetOf,
} from '../../../../src/network/dialer/dial-address.ts'
import { PEERS } from '../fakes.ts'

describe('dial address', () => {
  it('tells where TCP and WebSocket addresses lead', () => {
    const tcp = { kind: 'ip4', host: '192.0.2.1', port: 4002, layer: 'tcp' }
    assert.deepEqual(endpointOf('/ip4/192.0.2.1/tcp/4002'), tcp)
    assert.equal(endpointOf('/dns4/Example.ORG./tcp/443/tls/ws')?.host, 'example.org')
    assert.equal(endpointOf('/dns4/example.org/tcp/443/tls/ws')?.layer, 'websocket')
    assert.equal(endpointOf('/dns/example.org/tcp/443/wss')?.layer, 'websocket')
    assert.equal(endpointOf('/ip6zone/eth0/ip6/fe80::1/tcp/4002')?.kind, 'ip6')
    assert.equal(endpointOf('/dnsaddr/example.org')?.kind, 'dnsaddr')
  })

  it('knows no endpoint behind a relay, UDP, a socket file or nonsense', () => {
    const relay = `/ip4/192.0.2.1/tcp/4002/p2p/${PEERS[0]}/p2p-circuit/p2p/${PEERS[1]}`
    for (const text of [relay, '/ip4/192.0.2.1/udp/4002', '/unix/%2Ftmp%2Fx', 'x', '']) {
      assert.equal(endpointOf(text), null, text)
    }
    assert.equal(endpointOf(`/dns4/${'a'.repeat(600)}/tcp/1`), null)
  })

  it('writes no address that is too long, or that has no text', () => {
    const text = (bytes: Uint8Array) => addressText(multiaddr(bytes))
    const tls = Buffer.from([0xc0, 0x03])
    assert.equal(text(Buffer.concat([tls, tls])), '/tls/tls')
    assert.equal(text(Buffer.concat(new Array<Buffer>(128).fill(tls)))?.length, 512)
    assert.equal(text(Buffer.concat(new Array<Buffer>(129).fill(tls))), null)
    assert.equal(text(Buffer.concat(new Array<Buffer>(4_000).fill(tls))), null)
    assert.equal(text(Buffer.from('e10304f09f9880', 'hex')), null)
  })

  it('separates an address from its peer ID', () => {
    const address = '/ip4/192.0.2.1/tcp/4002'
    assert.deepEqual(splitAddress(`${address}/p2p/${PEERS[0]}`), { address, peerId: PEERS[0] })
    assert.deepEqual(splitAddress(address), { address, peerId: null })
    assert.equal(splitAddress('/ip4/999.1.1.1/tcp/1'), null)
    assert.equal(splitAddress(`${address}/p2p/nobody`), null)
  })

  it('groups by /24, /48 and name', () => {
    assert.equal(subnetOf('/ip4/192.0.2.200/tcp/4002'), '192.0.2.0/24')
    assert.equal(subnetOf('/ip6/2001:db8::7/tcp/4002'), subnetOf('/ip6/2001:db8:0:9::1/tcp/1'))
    assert.notEqual(subnetOf('/ip6/2001:db8::7/tcp/4002'), subnetOf('/ip6/2001:db8:1::7/tcp/4002'))
    assert.equal(subnetOf('/dns4/example.org/tcp/443/tls/ws'), 'example.org')
  })

  it('puts an IP in place of a name and keeps the rest', () => {
    assert.equal(replaceHost('/dns4/a.example/tcp/4002', '192.0.2.1'), '/ip4/192.0.2.1/tcp/4002')
    assert.equal(replaceHost('/dns/a.example/tcp/4002', '2001:db8::1'), '/ip6/2001:db8::1/tcp/4002')
  })

  it('spells one IP one way', () => {
    assert.equal(normalizeIp('::ffff:192.0.2.1'), '192.0.2.1')
    assert.equal(normalizeIp('2001:DB8::1'), normalizeIp('2001:db8:0:0:0:0:0:1'))
  })
})
