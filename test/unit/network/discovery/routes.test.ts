import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { resolveRoutes } from '../../../../src/network/discovery/routes.ts'
import {
  DEFAULT_LIBP2P_PORT,
  pinnedPeerId,
  seedMultiaddr,
} from '../../../../src/network/discovery/seed-value.ts'
import { fakeResolver, PEERS, settle } from '../fakes.ts'

const [A, B] = PEERS
const signal = new AbortController().signal

function resolve(address: string, tables: Parameters<typeof fakeResolver>[0]) {
  return resolveRoutes(address, { resolver: fakeResolver(tables), signal })
}

describe('seed routes', () => {
  it('resolves a name to all its A and AAAA addresses, at most eight', async () => {
    const ips = ['2001:db8::1', ...Array.from({ length: 12 }, (_, i) => `192.0.2.${i + 1}`)]
    const routes = await resolve('/dns/a.example/tcp/4002', { addresses: { 'a.example': ips } })
    assert.equal(routes.length, 1)
    assert.equal(routes[0]?.peerId, null)
    assert.equal(routes[0]?.addresses.length, 8)
    assert.equal(routes[0]?.addresses[0], '/ip6/2001:db8::1/tcp/4002')
  })

  it('asks only for the family that the multiaddr names', async () => {
    const addresses = { 'a.example': ['2001:db8::1', '192.0.2.1'] }
    const four = await resolve('/dns4/a.example/tcp/4002', { addresses })
    assert.deepEqual(four[0]?.addresses, ['/ip4/192.0.2.1/tcp/4002'])
    const six = await resolve('/dns6/a.example/tcp/4002', { addresses })
    assert.deepEqual(six[0]?.addresses, ['/ip6/2001:db8::1/tcp/4002'])
  })

  it('leaves the name of a secure WebSocket in place', async () => {
    const routes = await resolve('/dns4/a.example/tcp/443/tls/ws', {})
    assert.deepEqual(routes[0]?.addresses, ['/dns4/a.example/tcp/443/tls/ws'])
  })

  it('follows dnsaddr records and makes one route of each peer', async () => {
    const routes = await resolve('/dnsaddr/net.example', {
      addresses: { 'b.example': ['192.0.2.9'] },
      txt: {
        '_dnsaddr.net.example': [
          `dnsaddr=/ip4/192.0.2.1/tcp/4002/p2p/${A}`,
          'dnsaddr=/dnsaddr/more.example',
          'v=spf1 -all',
          'dnsaddr=nonsense',
        ],
        '_dnsaddr.more.example': [
          `dnsaddr=/dns4/b.example/tcp/4002/p2p/${B}`,
          `dnsaddr=/ip4/192.0.2.2/tcp/4002/p2p/${A}`,
        ],
      },
    })
    assert.deepEqual(routes, [
      { peerId: A, addresses: ['/ip4/192.0.2.1/tcp/4002', '/ip4/192.0.2.2/tcp/4002'] },
      { peerId: B, addresses: ['/ip4/192.0.2.9/tcp/4002'] },
    ])
  })

  it('looks up the names of a dnsaddr side by side, so that a silent one holds up none', async () => {
    const names = ['silent.example', 'b.example']
    const asked: string[] = []
    const silence = Promise.withResolvers<string[]>()
    const resolver = {
      addresses: async (name: string) => {
        asked.push(name)
        return name === 'b.example' ? ['192.0.2.9'] : silence.promise
      },
      txt: async () => names.map((name) => `dnsaddr=/dns4/${name}/tcp/4002`),
    }
    const routes = resolveRoutes('/dnsaddr/net.example', { resolver, signal })
    await settle()
    assert.deepEqual(asked, names)
    silence.reject(new Error('no answer'))
    assert.deepEqual(await routes, [{ peerId: null, addresses: ['/ip4/192.0.2.9/tcp/4002'] }])
  })

  it('wants only the pinned peer of a dnsaddr', async () => {
    const txt = {
      '_dnsaddr.net.example': [
        `dnsaddr=/ip4/192.0.2.1/tcp/4002/p2p/${A}`,
        `dnsaddr=/ip4/192.0.2.2/tcp/4002/p2p/${B}`,
        'dnsaddr=/ip4/192.0.2.3/tcp/4002',
      ],
    }
    const routes = await resolve(`/dnsaddr/net.example/p2p/${B}`, { txt })
    assert.deepEqual(routes, [
      { peerId: B, addresses: ['/ip4/192.0.2.2/tcp/4002', '/ip4/192.0.2.3/tcp/4002'] },
    ])
  })

  it('ends when records name each other', async () => {
    const txt = {
      '_dnsaddr.a.example': ['dnsaddr=/dnsaddr/b.example', 'dnsaddr=/ip4/192.0.2.1/tcp/4002'],
      '_dnsaddr.b.example': ['dnsaddr=/dnsaddr/a.example', 'dnsaddr=/dnsaddr/a.example'],
    }
    const routes = await resolve('/dnsaddr/a.example', { txt })
    assert.deepEqual(routes[0]?.addresses, ['/ip4/192.0.2.1/tcp/4002'])
  })

  it('takes at most sixteen results of a dnsaddr', async () => {
    const records = Array.from({ length: 40 }, (_, i) => `dnsaddr=/ip4/192.0.2.${i + 1}/tcp/4002`)
    const withPeers = records.map((record, i) => (i % 2 === 0 ? `${record}/p2p/${A}` : record))
    const routes = await resolve('/dnsaddr/a.example', { txt: { '_dnsaddr.a.example': withPeers } })
    assert.equal(routes.flatMap(({ addresses }) => addresses).length, 16)
  })

  it('says that a name without an address is unresolved', async () => {
    await assert.rejects(resolve('/dns4/gone.example/tcp/4002', {}), { code: 'unresolved' })
    await assert.rejects(resolve('/dnsaddr/gone.example', {}), { code: 'unresolved' })
  })
})

describe('seed value', () => {
  it('stands for the default port where none was written', () => {
    const host = { kind: 'ip6', value: '2001:db8::1' } as const
    const seed = { kind: 'host', input: '', host, port: null, peerId: A } as const
    assert.equal(DEFAULT_LIBP2P_PORT, 4002)
    assert.equal(seedMultiaddr(seed, DEFAULT_LIBP2P_PORT), `/ip6/2001:db8::1/tcp/4002/p2p/${A}`)
    assert.equal(pinnedPeerId(seed), A)
    assert.equal(seedMultiaddr({ ...seed, port: 5, peerId: null }, 4002), '/ip6/2001:db8::1/tcp/5')
  })

  it('reads the pin of a multiaddr', () => {
    const multiaddr = `/dnsaddr/a.example/p2p/${B}`
    assert.equal(pinnedPeerId({ kind: 'multiaddr', input: multiaddr, multiaddr }), B)
  })
})
