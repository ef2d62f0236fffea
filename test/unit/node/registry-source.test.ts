import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { RegistrySource } from '../../../src/node/registry-source.ts'
import type { AnnouncedNode, JsonValue, RegistryView } from '../../../src/registry/index.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'
import { OTHER_PEER_ID } from '../../support/api.ts'
import { waitFor } from '../../support/wait-for.ts'

type Proposal = { readonly peerId: string | null; readonly addresses: readonly string[] }

/** A source between a registry that is told what to say and a network that only listens. */
function bench(known: Iterable<AnnouncedNode> = [], capabilities: JsonValue = null) {
  const listeners = new Set<(node: AnnouncedNode) => void>()
  const proposals: Proposal[] = []
  const relays: unknown[] = []
  const source = new RegistrySource(
    {
      onNodeRecord: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      announcedNodes: () => known,
      view: { get: (() => ({ value: { capabilities } })) as unknown as RegistryView['get'] },
    },
    {
      propose: (candidate) => {
        proposals.push(candidate)
        return true
      },
      noteRelay: (relay) => void relays.push(relay),
    },
    silentLogger,
  )
  const arrive = (...addresses: string[]) => {
    for (const listener of listeners) listener({ peerId: OTHER_PEER_ID, addresses })
  }
  return { source, proposals, relays, listeners, arrive }
}

function nodes(count: number): AnnouncedNode[] {
  return Array.from({ length: count }, (_, i) => ({
    peerId: `peer-${i}`,
    addresses: [`10.0.0.1:${4100 + i}`],
  }))
}

describe('the registry as a source', () => {
  it('proposes a station when its record arrives', async () => {
    const { source, proposals, arrive } = bench()
    await source.start()
    arrive('/dns4/hub.example.org/tcp/4002')
    assert.deepEqual(proposals, [
      { peerId: OTHER_PEER_ID, addresses: ['/dns4/hub.example.org/tcp/4002'] },
    ])
    await source.stop()
  })

  it('tells of a relay that it is one, and how full', async () => {
    const { source, relays, arrive } = bench([], ['bootstrap', 'relay', 'relay-load-75'])
    await source.start()
    arrive('/dns4/hub.example.org/tcp/4002', 'no address at all')
    arrive('no address at all')
    assert.deepEqual(relays, [
      { peerId: OTHER_PEER_ID, addresses: ['/dns4/hub.example.org/tcp/4002'], load: 0.75 },
    ])
    await source.stop()
  })

  it('tells of no relay where there is none', async () => {
    const { source, relays, arrive } = bench([], ['bootstrap'])
    await source.start()
    arrive('hub.example.org')
    assert.deepEqual(relays, [])
    await source.stop()
  })

  const forms: readonly [string, readonly string[]][] = [
    ['hub.example.org', ['/dns/hub.example.org/tcp/4002']],
    ['hub.example.org:4102', ['/dns/hub.example.org/tcp/4102']],
    ['198.51.100.7', ['/ip4/198.51.100.7/tcp/4002']],
    ['2001:db8::7', ['/ip6/2001:db8::7/tcp/4002']],
    ['[2001:db8::7]:4102', ['/ip6/2001:db8::7/tcp/4102']],
    [
      `hub.example.org:4102/p2p/${OTHER_PEER_ID}`,
      [`/dns/hub.example.org/tcp/4102/p2p/${OTHER_PEER_ID}`],
    ],
    ['/ip4/198.51.100.7/tcp/443/tls/ws', ['/ip4/198.51.100.7/tcp/443/tls/ws']],
  ]
  for (const [written, dialable] of forms) {
    it(`understands ${written}`, async () => {
      const { source, proposals, arrive } = bench()
      await source.start()
      arrive(written)
      assert.deepEqual(proposals[0]?.addresses, dialable)
      await source.stop()
    })
  }

  it('leaves out what is no address, and says nothing where nothing is left', async () => {
    const { source, proposals, arrive } = bench()
    await source.start()
    const bad = ['https://a.example', '0.0.0.0', '/ip4/1.2.3.4', 'a b', '', 'a.example:0', '\u0000']
    arrive(...bad, 'b.example')
    arrive(...bad)
    assert.deepEqual(
      proposals.map(({ addresses }) => addresses),
      [['/dns/b.example/tcp/4002']],
    )
    await source.stop()
  })

  it('walks through what is known when it starts, a few at a time', async () => {
    const { source, proposals } = bench(nodes(100))
    await source.start()
    await waitFor(() => proposals.length > 0, { message: 'the first step' })
    assert.equal(proposals.length, 32)
    await source.stop()
    assert.equal(proposals.length, 32)
  })

  it('is told nothing after its stop, and is told once when it is started twice', async () => {
    const { source, proposals, listeners, arrive } = bench()
    await source.start()
    await source.start()
    arrive('a.example')
    assert.equal(proposals.length, 1)
    await source.stop()
    await source.stop()
    assert.equal(listeners.size, 0)
    arrive('a.example')
    assert.equal(proposals.length, 1)
    await source.start()
    arrive('a.example')
    assert.equal(proposals.length, 2)
    await source.stop()
  })
})
