import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { getHeapStatistics } from 'node:v8'

import type { NetworkStatus } from '../../../src/network/index.ts'
import type { ConnectedPeer, SeedStatus } from '../../../src/network/types.ts'
import { nodeStatus, readiness, type StatusSources } from '../../../src/node/status.ts'
import { connectedPeer, OTHER_PEER_ID, OWN_PEER_ID } from '../../support/api.ts'
import { relayStatus } from '../../support/relay-status.ts'

interface State {
  readonly network?: Partial<NetworkStatus>
  readonly peers?: readonly ConnectedPeer[]
  readonly isRegistryReady?: boolean
}

const LISTEN = ['/ip4/127.0.0.1/tcp/4002', '/ip4/127.0.0.1/tcp/4003/ws']

function sources({ network = {}, peers = [], isRegistryReady = true }: State = {}): StatusSources {
  const status: NetworkStatus = {
    peerId: OWN_PEER_ID,
    listen: LISTEN,
    announce: [],
    isPublic: false,
    isAnnounced: false,
    seeds: [],
    sources: { mdns: false, dht: true, peerExchange: false, registry: true },
    counts: {
      connectedPeers: peers.length,
      connectedStations: peers.filter(({ isStation }) => isStation).length,
      knownStations: 0,
      candidates: 0,
      addressBook: 0,
      dhtPeers: 0,
    },
    targetPeers: 12,
    reach: null,
    connectionLimit: 100,
    places: { total: 0, known: 0, keptFree: 20 },
    ...network,
  }
  return {
    network: { status: () => status, peers: () => [...peers] },
    registry: {
      isReady: isRegistryReady,
      problem: isRegistryReady ? null : 'the disk is full',
      notice: null,
      clockProblem: null,
      diskBytes: 4096,
      status: () => [
        {
          name: 'nodes',
          epoch: 1461,
          address: '/orbitdb/zdpu',
          records: 3,
          heads: 2,
          logs: [{ epoch: 1461, entries: 9, heads: 2, bytes: 4500 }],
          entriesJoined: 9,
          rejections: { 'bad-signature': 1 },
          isOpen: true,
        },
      ],
    },
    telemetry: { eventLoopDelay: () => ({ p50Ms: 0.5, p99Ms: 1.5, maxMs: 20 }) },
    networkName: 'wesense',
    version: '1.2.3',
    warnings: ['a warning'],
    memoryLimitBytes: 1_000_000_000,
    relay: () => null,
    certificate: () => null,
    publicStatus: () => null,
    startedAtMs: Date.now() - 12_000,
  }
}

function seed(name: string, state: SeedStatus['state']): SeedStatus {
  const isReached = state === 'connected'
  return {
    seed: name,
    state,
    peerId: isReached ? OTHER_PEER_ID : null,
    lastError: isReached ? null : 'ECONNREFUSED',
  }
}

function check(state: State, name: string) {
  const { ok, checks } = readiness(sources(state))
  const found = checks.find((one) => one.name === name)
  assert.ok(found, `no check ${name}`)
  return { ...found, isNodeReady: ok }
}

describe('readiness', () => {
  it('is given when the node listens and its stores are open, with no seed to reach', () => {
    assert.deepEqual(readiness(sources()), {
      ok: true,
      checks: [
        { name: 'listening', ok: true, detail: '2 addresses' },
        { name: 'stores', ok: true, detail: 'open' },
        { name: 'seeds', ok: true, detail: 'none configured' },
        { name: 'clock', ok: true, detail: 'not known to be wrong' },
      ],
    })
  })

  it('is missing without a listener', () => {
    const found = check({ network: { listen: [] } }, 'listening')
    assert.deepEqual([found.ok, found.isNodeReady], [false, false])
    assert.match(found.detail, /no listener/)
  })

  it('is missing while the registry is not ready, with its reason', () => {
    const found = check({ isRegistryReady: false }, 'stores')
    assert.deepEqual([found.ok, found.isNodeReady], [false, false])
    assert.equal(found.detail, 'the disk is full')
  })

  const seedCases: readonly [string, readonly SeedStatus[], boolean, string][] = [
    ['all reached', [seed('a.example', 'connected')], true, '1 of 1 reached'],
    [
      'one of two reached, the other said by name',
      [seed('a.example', 'connected'), seed('b.example:4102', 'waiting')],
      true,
      '1 of 2 reached, not: b.example:4102',
    ],
    [
      'none reached, each said by name',
      [seed('a.example', 'waiting'), seed('b.example', 'refused')],
      false,
      '0 of 2 reached, not: a.example, b.example',
    ],
    ['the only one is this node itself', [seed('me.example', 'self')], true, 'none configured'],
    [
      'this node itself does not count among those to reach',
      [seed('me.example', 'self'), seed('a.example', 'waiting')],
      false,
      '0 of 1 reached, not: a.example',
    ],
  ]
  for (const [name, seeds, ok, detail] of seedCases) {
    it(`looks at the seeds: ${name}`, () => {
      const found = check({ network: { seeds } }, 'seeds')
      assert.deepEqual(found, { name: 'seeds', ok, detail, isNodeReady: ok })
    })
  }
})

describe('the bootstrap role', () => {
  const role = (state: State) => nodeStatus(sources(state)).roles.bootstrap

  it('is not taken without a public address', () => {
    const { is_bootstrap, reason } = role({ network: { announce: ['/ip4/10.0.0.1/tcp/4002'] } })
    assert.equal(is_bootstrap, false)
    assert.match(reason, /no public ANNOUNCE_ADDRESS/)
  })

  it('is taken within its own network alone with an address that is not public', () => {
    const { is_bootstrap, reason } = role({ network: { isAnnounced: true } })
    assert.equal(is_bootstrap, false)
    assert.match(reason, /only within its own network, since ANNOUNCE_ADDRESS is not public/)
  })

  it('says that nobody has come yet, however many peers this node dialled itself', () => {
    const { is_bootstrap, reason } = role({
      network: { isPublic: true },
      peers: [connectedPeer({ direction: 'outbound' })],
    })
    assert.equal(is_bootstrap, true)
    assert.match(reason, /nobody has connected to it yet/)
  })

  it('counts those who came', () => {
    const { reason } = role({
      network: { isPublic: true },
      peers: [
        connectedPeer({ direction: 'inbound' }),
        connectedPeer({ direction: 'inbound' }),
        connectedPeer({ direction: 'outbound' }),
      ],
    })
    assert.match(reason, /connections from others: 2/)
  })

  it('does not say that nobody came where all have left again', () => {
    const reach = { state: 'public', isProven: true, verified: [], relays: [] } as const
    const { reason } = role({ network: { isPublic: true, reach } })
    assert.match(reason, /connections from others: 0/)
  })
})

describe('the status', () => {
  it('counts connections by direction, and stations apart from strangers', () => {
    const peers = [
      connectedPeer({ direction: 'inbound', isStation: false }),
      connectedPeer({ direction: 'inbound' }),
      connectedPeer({ direction: 'outbound' }),
    ]
    const { connections } = nodeStatus(sources({ peers }))
    assert.deepEqual(connections, {
      ...{ total: 3, inbound: 2, outbound: 1, stations: 2, limit: 100 },
      ...{ known: 0, kept_free: 20 },
    })
  })

  it('takes the heap limit from V8 and the memory limit from its caller', () => {
    const { memory } = nodeStatus(sources())
    assert.equal(memory.heap_limit_bytes, getHeapStatistics().heap_size_limit)
    assert.equal(memory.memory_limit_bytes, 1_000_000_000)
    assert.ok(memory.rss_bytes > memory.heap_used_bytes && memory.heap_used_bytes > 0)
  })

  it('shows seeds, sources, databases, delays and warnings under the names of the contract', () => {
    const seeds = [seed('a.example', 'waiting'), seed('b.example', 'connected')]
    const status = nodeStatus(sources({ network: { seeds, announce: LISTEN } }))
    assert.deepEqual(status.seeds, [
      { seed: 'a.example', state: 'waiting', peer_id: null, last_error: 'ECONNREFUSED' },
      { seed: 'b.example', state: 'connected', peer_id: OTHER_PEER_ID, last_error: null },
    ])
    assert.deepEqual(status.discovery, {
      mdns: false,
      dht: true,
      peer_exchange: false,
      registry: true,
    })
    assert.deepEqual(status.registry.databases, [
      {
        name: 'nodes',
        address: '/orbitdb/zdpu',
        records: 3,
        heads: 2,
        log_entries: 9,
        entries_joined: 9,
        rejections: { 'bad-signature': 1 },
      },
    ])
    assert.equal(status.registry.disk_bytes, 4096)
    assert.equal(status.registry.epoch, 1461)
    assert.deepEqual(status.event_loop, { p99_ms: 1.5, max_ms: 20 })
    assert.deepEqual(status.addresses, { listen: LISTEN, announce: LISTEN })
    assert.deepEqual(status.warnings, ['a warning'])
    assert.deepEqual(
      [status.version, status.network, status.peer_id, status.uptime_seconds],
      ['1.2.3', 'wesense', OWN_PEER_ID, 12],
    )
  })

  it('warns of what the registry does not store, and is ready all the same', () => {
    const { registry, ...rest } = sources()
    const notice = 'no entries of other stations are stored: 100 MB are left on the disk'
    const status = nodeStatus({ ...rest, registry: { ...registry, notice } })
    assert.equal(status.ready.ok, true)
    assert.equal(status.ready.checks.find(({ name }) => name === 'stores')?.detail, notice)
    assert.deepEqual(status.warnings, ['a warning', `Registry: ${notice}`])
    const full = { ...registry, isReady: false, problem: 'the disk is full', notice }
    assert.deepEqual(nodeStatus({ ...rest, registry: full }).warnings, ['a warning'])
  })

  it('says that it is no relay, or how full it is as one', () => {
    assert.deepEqual(nodeStatus(sources()).roles.relay, { enabled: false, hop: null })
    const status = relayStatus({ monthBytes: 1_000 })
    const totals = { refusals: {}, ends: {}, talkers: [] }
    const relay = () => ({ status, totals })
    assert.deepEqual(nodeStatus({ ...sources(), relay }).roles.relay, {
      enabled: true,
      hop: {
        policy: 'registry',
        reservations: 0,
        reservations_limit: 512,
        circuits: 0,
        circuits_limit: 800,
        clients: 0,
        clients_limit: 0,
        month: { bytes: 1_000, quota_bytes: 274_877_906_944, left_bytes: 274_877_905_944 },
      },
    })
  })
})
