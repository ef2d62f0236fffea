import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'

import { wanted } from '../../../../src/network/dialer/crowd.ts'
import { chooseToLeave } from '../../../../src/network/dialer/leave.ts'
import { Parting } from '../../../../src/network/dialer/parting.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'
import { FakeTransport } from '../discovery/exchange-fakes.ts'
import { FakePort, ManualClock } from '../fakes.ts'

const PROTOCOL = '/test/part/1.0.0'

interface Setup {
  readonly others: number
  readonly targetPeers?: number
  readonly isKeeping?: boolean
  /** Whom it dialled because it chose to. @default everybody */
  readonly isChosen?: (peerId: string) => boolean
  readonly seeds?: readonly string[]
}

/** A node with a name, that many stations which serve no protocol, and the time. */
async function node(t: TestContext, clock: ManualClock, name: string, setup: Setup) {
  const { others, seeds = [], targetPeers = 2, isKeeping = false, isChosen = () => true } = setup
  const port = new FakePort(name)
  const transport = new FakeTransport(name)
  for (let n = 0; n < others; n++) port.connect(`${name}-other-${n}`, { connectedAtMs: 0 })
  const counted: string[] = []
  const parting = new Parting(
    { protocol: PROTOCOL, wanted: wanted(targetPeers, isKeeping), isKeeping },
    {
      transport,
      port,
      // The test takes every step itself: the loop, which sleeps first, never wakes up.
      clock: { now: () => clock.now(), sleep: (_ms, signal) => aborted(signal) },
      random: () => 0,
      isSeed: (peerId) => seeds.includes(peerId),
      isChosen,
      metrics: { parted: (role, outcome) => counted.push(`${role} ${outcome}`) },
      logger: silentLogger,
    },
  )
  await parting.start()
  t.after(() => parting.stop())
  const step = () => parting.step(new AbortController().signal)
  return { name, port, transport, counted, step }
}

async function aborted(signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === false) await once(signal, 'abort')
}

type Node = Awaited<ReturnType<typeof node>>

function join(a: Node, b: Node, options = {}): void {
  FakeTransport.connect(a.transport, b.transport)
  a.port.connect(b.name, options)
  b.port.connect(a.name, options)
}

describe('parting', () => {
  it('hangs up once the other end agrees, and goes no lower than its target', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 0 })
    for (const name of ['a', 'b', 'c', 'd']) {
      join(one, await node(t, clock, name, { others: 2 }))
    }
    await one.step()
    await one.step()
    assert.equal(one.port.hungUp.length, 2)
    assert.equal(one.port.peers().length, 2)
    assert.deepEqual(one.counted, ['asked agreed', 'asked agreed'])
  })

  it('keeps a peer that would fall below its own target, and asks it again only later', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 2 })
    const other = await node(t, clock, 'other', { others: 1 })
    join(one, other)
    const asked = () => other.counted.filter((line) => line.startsWith('answered')).length
    for (let second = 0; second < 19; second++) {
      await one.step()
      await clock.advance(1000)
    }
    assert.deepEqual(one.port.hungUp, [])
    assert.equal(asked(), 1)
    other.port.connect('newcomer')
    await clock.advance(2000)
    await one.step()
    assert.deepEqual(one.port.hungUp, ['other'])
  })

  it('asks again soon when the peer was in the middle of a transfer', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 2 })
    const other = await node(t, clock, 'other', { others: 2 })
    join(one, other)
    t.mock.method(other.port, 'isBusy', () => true)
    await one.step()
    assert.deepEqual(one.port.hungUp, [])
    t.mock.method(other.port, 'isBusy', () => false)
    await clock.advance(2000)
    await one.step()
    assert.deepEqual(one.port.hungUp, ['other'])
  })

  it('promises one place to one peer only', async (t) => {
    const clock = new ManualClock()
    const middle = await node(t, clock, 'middle', { others: 1 })
    const [left, right] = [
      await node(t, clock, 'left', { others: 2 }),
      await node(t, clock, 'right', { others: 2 }),
    ]
    join(left, middle)
    join(right, middle)
    await Promise.all([left.step(), right.step()])
    assert.deepEqual([...left.port.hungUp, ...right.port.hungUp], ['middle'])
    const answers = middle.counted.filter((line) => line.startsWith('answered')).sort()
    assert.deepEqual(answers, ['answered agreed', 'answered declined'])
  })

  it('asks again when the clock is set back, also those that came before', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 2 })
    const other = await node(t, clock, 'other', { others: 1 })
    join(one, other, { connectedAtMs: clock.now() - 10_000 })
    await one.step()
    assert.deepEqual(other.counted, ['answered declined'])
    clock.setBack(3_600_000)
    other.port.connect('newcomer')
    await one.step()
    assert.deepEqual(one.port.hungUp, ['other'])
  })

  it('counts on who was to leave and stayed, when the clock is set back', async (t) => {
    const clock = new ManualClock()
    const middle = await node(t, clock, 'middle', { others: 1 })
    const left = await node(t, clock, 'left', { others: 2 })
    const right = await node(t, clock, 'right', { others: 2 })
    join(left, middle)
    join(right, middle)
    // It asks, is told yes, and stays.
    t.mock.method(left.port, 'hangUp', async () => {})
    await left.step()
    await right.step()
    assert.deepEqual(right.port.hungUp, [])
    clock.setBack(3_600_000)
    await clock.advance(20_000)
    await right.step()
    assert.deepEqual(right.port.hungUp, ['middle'])
  })

  it('asks no seed to part, and lets go of none', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 2, seeds: ['other'] })
    const other = await node(t, clock, 'other', { others: 2 })
    join(one, other)
    await one.step()
    assert.equal(other.counted.length, 0)
    await other.step()
    assert.ok(one.counted.includes('answered declined'))
    assert.deepEqual([...one.port.hungUp, ...other.port.hungUp], [])
  })

  it('never asks as a public node, but lets go', async (t) => {
    const clock = new ManualClock()
    const hub = await node(t, clock, 'hub', { others: 5, isKeeping: true })
    const station = await node(t, clock, 'station', { others: 2 })
    join(hub, station)
    await hub.step()
    assert.deepEqual(hub.counted, [])
    await station.step()
    assert.deepEqual(station.port.hungUp, ['hub'])
  })

  it('leaves alone who is young, of another network, or in the middle of a transfer', async (t) => {
    const clock = new ManualClock()
    const one = await node(t, clock, 'one', { others: 2 })
    const young = await node(t, clock, 'young', { others: 2 })
    const foreign = await node(t, clock, 'foreign', { others: 2 })
    join(one, young, { connectedAtMs: clock.now() - 1000 })
    join(one, foreign, { isStation: null })
    t.mock.method(one.port, 'isBusy', () => true)
    await one.step()
    assert.deepEqual(one.counted, [])
    t.mock.method(one.port, 'isBusy', () => false)
    await one.step()
    // Those that do not speak the protocol have been asked, these two have not.
    assert.deepEqual([...young.counted, ...foreign.counted], [])
    assert.deepEqual([...new Set(one.counted)], ['asked failed'])
    await clock.advance(5000)
    await one.step()
    assert.deepEqual(one.port.hungUp, ['young'])
  })

  for (const [which, isChosenBy] of [
    ['', () => true],
    [', each link the choice of one end', (n: number, other: number) => other < n],
  ] as const) {
    it(`comes to rest in a full mesh, with nobody below the target${which}`, async (t) => {
      const clock = new ManualClock()
      const nodes: Node[] = []
      for (let n = 0; n < 20; n++) {
        const isChosen = (peerId: string) => isChosenBy(n, Number(peerId.slice(1)))
        const made = await node(t, clock, `n${n}`, { others: 0, targetPeers: 8, isChosen })
        for (const earlier of nodes) join(made, earlier)
        nodes.push(made)
      }
      const byName = new Map(nodes.map((one) => [one.name, one]))
      for (const { name, port } of nodes) {
        port.onPeer((peerId, isConnected) => {
          const other = byName.get(peerId)
          if (isConnected || !other?.port.peers().some((peer) => peer.peerId === name)) return
          other.port.disconnect(name)
        })
      }
      const degrees = () => nodes.map(({ port }) => port.peers().length)
      for (let second = 0; second < 20; second++) {
        for (const one of nodes) await one.step()
        await clock.advance(1000)
      }
      assert.ok(Math.min(...degrees()) >= 8, `${degrees()}`)
      const total = degrees().reduce((sum, one) => sum + one, 0)
      assert.ok(total <= 20 * 10, `${degrees()}`)
      const before = degrees().join()
      for (let second = 0; second < 60; second++) {
        for (const one of nodes) await one.step()
        await clock.advance(1000)
      }
      assert.equal(degrees().join(), before)
    })
  }
})

describe('a crowd of one subnet', () => {
  /** Twelve stations of this node's choice, which would agree to part, and strangers of one host, which never do. */
  async function besieged(t: TestContext, clock: ManualClock, strangers: number) {
    const one = await node(t, clock, 'one', {
      others: 0,
      targetPeers: 12,
      isChosen: (peerId) => peerId.startsWith('station'),
    })
    const stations: Node[] = []
    for (let n = 0; n < 12; n++) {
      const station = await node(t, clock, `station-${n}`, { others: 2, targetPeers: 1 })
      join(one, station)
      stations.push(station)
    }
    for (let n = 0; n < strangers; n++) {
      const address = `/ip4/203.0.113.7/tcp/${7000 + n}`
      one.port.connect(`stranger-${n}`, { address, direction: 'inbound' })
    }
    return { one, stations }
  }

  it('takes the place of nobody else, whoever asks and however long', async (t) => {
    const clock = new ManualClock()
    const { one, stations } = await besieged(t, clock, 15)
    for (let second = 0; second < 60; second++) {
      for (const asking of [one, ...stations]) await asking.step()
      await clock.advance(1000)
    }
    assert.ok(one.counted.includes('answered declined'), `${one.counted}`)
    assert.deepEqual(
      [one, ...stations].flatMap(({ port }) => port.hungUp),
      [],
    )
  })

  it('leaves this node half of its own choice, from however many subnets it comes', async (t) => {
    const clock = new ManualClock()
    const { one } = await besieged(t, clock, 0)
    for (let n = 0; n < 40; n++) one.port.connect(`stranger-${n}`, { direction: 'inbound' })
    for (let second = 0; second < 120; second++) {
      await one.step()
      await clock.advance(1000)
    }
    const stations = one.port.peers().filter(({ peerId }) => peerId.startsWith('station'))
    assert.equal(stations.length, 6)
  })

  it('takes no place while its first have just come', async (t) => {
    const clock = new ManualClock()
    const { one, stations } = await besieged(t, clock, 0)
    for (let second = 0; second < 60; second++) {
      if (second < 5) {
        const address = `/ip4/203.0.113.${second}/tcp/7000`
        const connectedAtMs = clock.now()
        one.port.connect(`stranger-${second}`, { address, direction: 'inbound', connectedAtMs })
      }
      for (const asking of [one, ...stations]) await asking.step()
      await clock.advance(1000)
    }
    assert.equal(stations.filter(({ port }) => port.hungUp.length > 0).length, 0)
    assert.deepEqual(one.port.hungUp, [])
  })

  it('lets a station go that is one too many, when no other subnet has more', async (t) => {
    const clock = new ManualClock()
    const { one } = await besieged(t, clock, 1)
    await one.step()
    assert.equal(one.port.hungUp.length, 1)
  })
})

describe('who is parted from', () => {
  it('is one of the subnet with most peers, each time anew', () => {
    const peers = [
      { peerId: 'a1', address: '/ip4/192.0.2.1/tcp/1' },
      { peerId: 'a2', address: '/ip4/192.0.2.2/tcp/1' },
      { peerId: 'a3', address: '/ip4/192.0.2.3/tcp/1' },
      { peerId: 'b1', address: '/ip4/198.51.100.1/tcp/1' },
      { peerId: 'b2', address: '/ip4/198.51.100.2/tcp/1' },
      { peerId: 'c1', address: '/ip4/203.0.113.1/tcp/1' },
    ]
    assert.deepEqual(
      chooseToLeave(peers, 3, () => 0),
      ['a1', 'a2', 'b1'],
    )
    assert.equal(chooseToLeave(peers, 10, () => 0.99).length, 6)
  })
})
