import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import { Dialer } from '../../../../src/network/dialer/dialer.ts'
import type { DialerOptions } from '../../../../src/network/dialer/options.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import type { NameResolver } from '../../../../src/network/discovery/name-resolver.ts'
import type { SeedValue } from '../../../../src/network/discovery/seed-value.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
import type { Candidate } from '../../../../src/network/types.ts'
import { createMetrics } from '../../../../src/telemetry/index.ts'
import {
  FakePort,
  fakeResolver,
  ManualClock,
  PEERS,
  recordingLogger,
  settle,
  wrongPeer,
} from '../fakes.ts'

const SEED = seed('/ip4/192.0.2.7/tcp/4002')
const [, B, C] = PEERS

function seed(address: string): SeedValue {
  return { kind: 'multiaddr', input: address, multiaddr: address }
}

interface Setup {
  readonly seeds?: readonly SeedValue[]
  readonly options?: Partial<DialerOptions>
  /** For names that others tell. */
  readonly learnedResolver?: NameResolver
  readonly addressBook?: readonly Candidate[]
}

async function setUp(t: TestContext, setup: Setup = {}) {
  const port = new FakePort()
  const clock = new ManualClock()
  const logger = recordingLogger()
  const registry = createMetrics()
  const random = () => 0.5
  const metrics = createDiscoveryMetrics(registry, {
    candidates: () => dialer.candidateCount,
    dialsInProgress: () => dialer.dialsInProgress,
    knownStations: () => 0,
    addressBookPeers: () => 0,
    seedStates: () => seeds.statuses().map(({ state }) => state),
  })
  const seeds = new Seeds(
    { values: setup.seeds ?? [], defaultPort: 4002 },
    { logger, ownPeerId: port.peerId, random },
  )
  const attempts = new Attempts(
    {},
    {
      port,
      resolver: fakeResolver({}),
      learnedResolver: setup.learnedResolver ?? fakeResolver({}),
      now: () => clock.now(),
    },
  )
  const dialer: Dialer = new Dialer(
    { targetPeers: 4, maxParallelDials: 4, ...setup.options },
    {
      port,
      seeds,
      attempts,
      addressBook: () => setup.addressBook ?? [],
      logger,
      metrics,
      clock,
      random,
    },
  )
  t.after(() => dialer.stop())
  dialer.start()
  await settle()
  return { port, clock, logger, seeds, dialer, registry }
}

function candidate(n: number) {
  return {
    source: 'dht' as const,
    peerId: null,
    addresses: [`/ip4/198.51.${Math.floor(n / 250)}.${(n % 250) + 1}/tcp/4002`],
  }
}

describe('dialer', () => {
  it('dials a seed at once and again after 1, 2, 4, 8 seconds while it is down', async (t) => {
    const { port, clock } = await setUp(t, { seeds: [SEED] })
    const times = [clock.now()]
    for (let second = 0; second < 20; second++) {
      const before = port.dials.length
      await clock.advance(1000)
      if (port.dials.length > before) times.push(clock.now())
    }
    const first = times[0] ?? 0
    assert.deepEqual(
      times.map((ms) => (ms - first) / 1000),
      [0, 1, 3, 7, 15],
    )
  })

  it('retries a seed at least once a minute while isolated, and up to 15 min apart otherwise', async (t) => {
    const { port, clock } = await setUp(t, { seeds: [SEED] })
    const dialsIn = async (minutes: number) => {
      const before = port.dials.length
      for (let i = 0; i < minutes * 60; i++) await clock.advance(1000)
      return port.dials.length - before
    }
    await dialsIn(30)
    assert.ok((await dialsIn(10)) >= 9)
    port.connect(B)
    await dialsIn(20)
    const spread = await dialsIn(60)
    assert.ok(spread >= 3 && spread <= 5, `${spread} dials in an hour`)
  })

  it('says once that a seed cannot be reached, once more after an hour, and once that it is', async (t) => {
    const { port, clock, logger } = await setUp(t, { seeds: [SEED] })
    for (let i = 0; i < 50; i++) await clock.advance(60_000)
    assert.deepEqual(
      logger.lines.map(({ level }) => level),
      ['warn'],
    )
    for (let i = 0; i < 12; i++) await clock.advance(60_000)
    assert.equal(logger.lines.length, 2)
    port.answer = async (target) => port.reach(B, target)
    for (let i = 0; i < 2; i++) await clock.advance(60_000)
    assert.equal(logger.lines.at(-1)?.message, 'seed reached')
    assert.equal(logger.lines.length, 3)
  })

  it('refuses a seed that answers with another peer ID, says so once and waits 15 min', async (t) => {
    const pinned = seed(`/ip4/192.0.2.7/tcp/4002/p2p/${B}`)
    const { port, clock, logger, seeds } = await setUp(t, { seeds: [pinned] })
    port.answer = () => Promise.reject(wrongPeer())
    for (let i = 0; i < 60; i++) await clock.advance(60_000)
    assert.equal(seeds.statuses()[0]?.state, 'refused')
    const refusals = logger.lines.filter(({ message }) => message.startsWith('seed refused'))
    assert.equal(refusals.length, 1)
    assert.ok(port.dials.length <= 6, `${port.dials.length} dials in an hour`)
    assert.deepEqual(port.dials[0]?.peerId, B)
  })

  it('never dials a seed that is itself, whether by peer ID, address or name', async (t) => {
    const own = '/ip4/203.0.113.9/tcp/4002'
    const { port, clock, seeds, dialer } = await setUp(t)
    port.own = [own, '/dns4/us.example/tcp/4002']
    await dialer.stop()
    const values = [
      seed(`/ip4/192.0.2.9/tcp/4002/p2p/${port.peerId}`),
      seed(own),
      seed('/dns4/us.example/tcp/4002'),
      seed('/dns4/alias.example/tcp/4002'),
      seed('/ip4/203.0.113.10/tcp/4002'),
    ]
    const resolver = fakeResolver({
      addresses: {
        'us.example': ['203.0.113.10'],
        'alias.example': ['203.0.113.9', '203.0.113.10'],
      },
    })
    const logger = recordingLogger()
    const list = new Seeds(
      { values, defaultPort: 4002 },
      { logger, ownPeerId: port.peerId, random: () => 0.5 },
    )
    const attempts = new Attempts(
      {},
      { port, resolver, learnedResolver: fakeResolver({}), now: () => clock.now() },
    )
    const controller = new AbortController()
    for (const one of list.due(clock.now(), true)) {
      await assert.rejects(attempts.seed(one, controller.signal), { code: 'self' })
    }
    assert.equal(values.length, list.statuses().length)
    assert.equal(port.dials.length, 0)
    assert.equal(seeds.statuses().length, 0)
  })

  it('learns an address that answered with our own ID and dials it once an hour', async (t) => {
    const { port, clock, seeds } = await setUp(t, { seeds: [SEED] })
    port.answer = () => {
      const error = new Error('Can not dial self')
      error.name = 'InvalidPeerIdError'
      return Promise.reject(error)
    }
    for (let i = 0; i < 60; i++) await clock.advance(60_000)
    // The first attempt was refused by the fake's default answer.
    assert.equal(port.dials.length, 2)
    assert.equal(seeds.statuses()[0]?.state, 'self')
    for (let i = 0; i < 60; i++) await clock.advance(60_000)
    assert.equal(port.dials.length, 3)
    port.answer = async (target) => port.reach(B, target)
    for (let i = 0; i < 80; i++) await clock.advance(60_000)
    assert.equal(seeds.statuses()[0]?.state, 'connected')
  })

  it('keeps dials of a thousand dead candidates few at a time and slow', async (t) => {
    const { port, clock, dialer, logger } = await setUp(t, {
      options: { dialBurst: 10, dialsPerSecond: 1, candidateLimit: 500 },
    })
    for (let n = 0; n < 1000; n++) dialer.propose(candidate(n))
    for (let i = 0; i < 60; i++) await clock.advance(1000)
    assert.equal(dialer.candidateCount, 500)
    assert.ok(port.mostRunning <= 4)
    assert.ok(port.dials.length <= 10 + 61, `${port.dials.length} dials in a minute`)
    assert.equal(logger.lines.length, 0)
  })

  it('leaves slots for seeds while candidates hang', async (t) => {
    const { port, dialer, clock } = await setUp(t, { seeds: [SEED] })
    port.answer = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    for (let n = 0; n < 20; n++) dialer.propose(candidate(n))
    await clock.advance(1000)
    assert.equal(port.dials.filter(({ source }) => source === 'seed').length, 2)
    assert.ok(port.running <= 4)
  })

  it('dials no candidate when the target is met and dials again below it', async (t) => {
    const { port, dialer, clock } = await setUp(t, { options: { targetPeers: 1 } })
    port.connect(C, { address: '/ip4/192.168.1.9/tcp/4002' })
    dialer.propose({ source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    await clock.advance(5000)
    assert.equal(port.dials.length, 0)
    port.disconnect(C)
    await clock.advance(1000)
    assert.equal(port.dials.length, 1)
  })

  it('goes on dialling however many of one subnet connect to it', async (t) => {
    const { port, dialer, clock } = await setUp(t)
    for (let n = 1; n <= 20; n++) {
      port.connect(`stranger-${n}`, { address: `/ip4/203.0.113.${n}/tcp/9`, direction: 'inbound' })
    }
    assert.equal(dialer.isBelowTarget, true)
    dialer.propose({ source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    await clock.advance(1000)
    assert.equal(port.dials.length, 1)
  })

  it('chooses half of its peers itself, whoever connects to it, and as a public node all', async (t) => {
    for (const [chosenPeers, dials] of [
      [undefined, 2],
      [4, 4],
    ] as const) {
      const { port, dialer, clock } = await setUp(t, { options: { chosenPeers } })
      port.answer = async (target) => port.reach(target.peerId ?? `${target.addresses}`, target)
      for (let n = 0; n < 20; n++) port.connect(`stranger-${n}`, { direction: 'inbound' })
      for (let n = 0; n < 10; n++) dialer.propose({ ...candidate(n * 250), peerId: null })
      for (let second = 0; second < 5; second++) await clock.advance(1000)
      assert.equal(port.dials.length, dials)
      assert.equal(dialer.isBelowTarget, false)
    }
  })

  it('does not take whom it was made to dial for its own choice', async (t) => {
    const { port, dialer } = await setUp(t, { options: { targetPeers: 2 } })
    port.connect(C, { direction: 'inbound' })
    port.answer = async (target) => port.reach(B, target)
    const told = {
      source: 'peer-exchange',
      peerId: B,
      addresses: ['/ip4/192.0.2.1/tcp/1024'],
    } as const
    await dialer.reach(told, new AbortController().signal)
    assert.equal(dialer.isBelowTarget, true)
  })

  it('turns to its address book when nobody is left, however many candidates came since', async (t) => {
    const known = '/ip4/192.0.2.44/tcp/4002'
    const { port, dialer, clock } = await setUp(t, {
      options: { targetPeers: 1, candidateLimit: 10 },
      addressBook: [{ source: 'address-book', peerId: B, addresses: [known] }],
    })
    // The fake's default answer refused the first dial.
    assert.deepEqual(port.dials.at(-1)?.addresses, [known])
    port.connect(C)
    for (let n = 0; n < 100; n++) dialer.propose(candidate(n))
    await clock.advance(1000)
    const before = port.dials.length
    port.disconnect(C)
    await clock.advance(1000)
    await clock.advance(1000)
    const since = port.dials.slice(before).flatMap(({ addresses }) => addresses)
    assert.ok(since.includes(known), `${since}`)
  })

  it('does not dial a candidate that is connected, or that is ourselves', async (t) => {
    const { port, dialer, clock } = await setUp(t)
    port.connect(B)
    dialer.propose({ source: 'dht', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    const own = {
      source: 'dht',
      peerId: port.peerId,
      addresses: ['/ip4/192.0.2.1/tcp/4002'],
    } as const
    assert.equal(dialer.propose(own), false)
    await clock.advance(5000)
    assert.equal(port.dials.length, 0)
  })

  it('backs off from a peer that hangs up at once, as from one that is not there', async (t) => {
    const { port, dialer, clock } = await setUp(t)
    port.answer = async (target) => {
      const reached = port.reach(B, target)
      setImmediate(() => port.disconnect(B))
      return reached
    }
    dialer.propose({ source: 'registry', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    for (let i = 0; i < 75; i++) await clock.advance(1000)
    // At 0, 5, 15, 35 and 75 s.
    assert.ok(port.dials.length >= 4 && port.dials.length <= 5, `${port.dials.length} dials`)
  })

  it('drops a name that leads into a forbidden network without dialling it', async (t) => {
    const addresses = { 'evil.example': ['10.0.0.1', '192.0.2.3'] }
    const learnedResolver = fakeResolver({ addresses })
    const { port, dialer, clock } = await setUp(t, { learnedResolver })
    port.isAllowedAnswer = (address) => !address.includes('/10.')
    dialer.propose({ source: 'registry', peerId: B, addresses: ['/dns4/evil.example/tcp/4002'] })
    await clock.advance(1000)
    assert.deepEqual(
      port.dials.map(({ addresses }) => addresses),
      [['/ip4/192.0.2.3/tcp/4002']],
    )
  })

  it('hangs up on a seed of another network, says so once and dials it less and less', async (t) => {
    const { port, clock, seeds, logger } = await setUp(t, { seeds: [SEED] })
    const peers = port.peers.bind(port)
    let reachedAtMs = 0
    port.answer = async (target) => {
      reachedAtMs = clock.now()
      return port.reach(B, target)
    }
    // What it is turns out some seconds later.
    port.peers = () =>
      peers().map((peer) => ({ ...peer, isStation: clock.now() < reachedAtMs + 12_000 && null }))
    const said = () =>
      logger.lines.filter(({ message }) => message.startsWith('seed refused')).length
    const states: unknown[] = []
    for (let i = 0; i < 60 * 60; i++) {
      await clock.advance(1000)
      states.push(seeds.statuses()[0]?.state)
    }
    assert.ok(port.hungUp.length > 3 && port.hungUp.length < 80, `${port.hungUp.length} times`)
    const refusedFrom = states.indexOf('refused')
    assert.ok(refusedFrom < 60, 'within a minute')
    const later = states.slice(refusedFrom)
    assert.ok(
      later.every((state) => state === 'refused'),
      'redials are no reason to count it',
    )
    assert.equal(said(), 1)
    assert.ok(port.dials.length <= port.hungUp.length + 1, 'none while one is under way')
    port.peers = peers
    port.answer = async (target) => port.reach(B, target)
    for (let i = 0; i < 16 * 60; i++) await clock.advance(1000)
    assert.equal(seeds.statuses()[0]?.state, 'connected')
    assert.equal(logger.lines.at(-1)?.message, 'seed reached')
  })

  it('counts every dial by outcome and source', async (t) => {
    const { port, dialer, clock, registry } = await setUp(t)
    port.answer = async (target) => port.reach(target.peerId ?? '', target)
    dialer.propose({ source: 'mdns', peerId: B, addresses: ['/ip4/192.0.2.1/tcp/4002'] })
    await clock.advance(1000)
    port.answer = () => Promise.reject(new DOMException('late', 'TimeoutError'))
    dialer.propose({ source: 'dht', peerId: C, addresses: ['/ip4/192.0.2.2/tcp/4002'] })
    await clock.advance(1000)
    const text = await registry.text()
    assert.match(text, /wesense_dials_total\{outcome="ok",source="mdns"\} 1/)
    assert.match(text, /wesense_dials_total\{outcome="timeout",source="dht"\} 1/)
    assert.match(text, /wesense_candidates_proposed_total\{source="dht",result="accepted"\} 1/)
    assert.match(text, /wesense_dial_candidates 2/)
    assert.match(text, /wesense_dials_in_progress 0/)
  })
})
