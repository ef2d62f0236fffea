import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { endpoint } from '../../../src/config/endpoint.ts'
import { parseEndpoint } from '../../../src/config/index.ts'

const ID = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'

describe('an address as an operator writes it', () => {
  const hosts: readonly (readonly [string, string, string, number | null, string | null])[] = [
    ['bootstrap.wesense.earth', 'dns', 'bootstrap.wesense.earth', null, null],
    ['Bootstrap.WeSense.Earth.', 'dns', 'bootstrap.wesense.earth', null, null],
    ['wesense_node-1:4010', 'dns', 'wesense_node-1', 4010, null],
    ['bücher.example', 'dns', 'xn--bcher-kva.example', null, null],
    ['1.2.3.4', 'ip4', '1.2.3.4', null, null],
    ['1.2.3.4:65535', 'ip4', '1.2.3.4', 65_535, null],
    ['2001:DB8::1', 'ip6', '2001:db8::1', null, null],
    ['[2001:db8::1]', 'ip6', '2001:db8::1', null, null],
    ['[2001:db8::1]:4002', 'ip6', '2001:db8::1', 4002, null],
    [`seed.org/p2p/${ID}`, 'dns', 'seed.org', null, ID],
    [`seed.org:4010/p2p/${ID}`, 'dns', 'seed.org', 4010, ID],
    [`[::1]:4010/p2p/${ID}`, 'ip6', '::1', 4010, ID],
  ]
  for (const [input, kind, value, port, peerId] of hosts) {
    it(`reads ${input}`, () => {
      assert.deepEqual(parseEndpoint(input), {
        isOk: true,
        value: { kind: 'host', input, host: { kind, value }, port, peerId },
      })
    })
  }

  const multiaddrs: readonly (readonly [string, string | null])[] = [
    ['/dnsaddr/bootstrap.wesense.earth', null],
    [`/dnsaddr/bootstrap.wesense.earth/p2p/${ID}`, ID],
    ['/ip4/1.2.3.4/tcp/4002', null],
    [`/ip6/2001:db8::1/tcp/4003/ws/p2p/${ID}`, ID],
    ['/dns4/seed.org/tcp/443/tls/sni/seed.org/ws', null],
    ['/dns/seed.org/tcp/443/wss', null],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/4002', null],
    [`/ip4/1.2.3.4/tcp/4002/p2p/${ID}/p2p-circuit/p2p/${ID}`, ID],
  ]
  for (const [input, peerId] of multiaddrs) {
    it(`reads ${input}`, () => {
      const value = { kind: 'multiaddr', input, multiaddr: input, peerId }
      assert.deepEqual(parseEndpoint(input), { isOk: true, value })
      assert.equal(multiaddr(input).toString(), input, 'the library reads it as well')
    })
  }

  const refused = [
    ...endpoint.refused,
    '',
    ':4002',
    'a..b',
    'a b',
    'host:',
    'host:4002:1',
    '1.2.3',
    '0x7f.1',
    '1.2.3.4.5',
    'fe80::1%eth0',
    '[1.2.3.4]:4002',
    '[::1]4002',
    '::',
    '0::0',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}toolong`,
    'seed.org/',
    'seed.org/p2p/',
    'seed.org/tcp/4002',
    `seed.org/p2p/${ID}/x`,
    `seed.org/p2p/${ID.slice(0, -1)}`,
    'http://seed.org:4002',
    '/',
    '/dnsaddr',
    '/tcp/4002',
    '/ip4/seed.org/tcp/4002',
    '/ip6/::/tcp/4002',
    '/ip4/1.2.3.4/tcp/4002/p2p/nobody',
    '/unix/tmp/socket',
    `/ip4/1.2.3.4/tcp/1${'/ws'.repeat(30)}`,
  ]
  for (const input of refused) {
    it(`refuses "${input.slice(0, 60)}"`, () => {
      const parsed = parseEndpoint(input)
      assert.ok(!parsed.isOk)
      assert.match(parsed.problem, /^(must|is|has) /)
    })
  }

  for (const input of [ID, ID.slice(0, 30), 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N']) {
    it(`takes ${input} for no DNS name`, () => {
      const parsed = parseEndpoint(input)
      assert.deepEqual(parsed, {
        isOk: false,
        problem: 'is a peer ID alone: give an address with /p2p/<id>',
      })
    })
  }
})
