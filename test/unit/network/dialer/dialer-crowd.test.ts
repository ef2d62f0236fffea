import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import { Dialer } from '../../../../src/network/dialer/dialer.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
import { createMetrics } from '../../../../src/telemetry/index.ts'
import { peerIdOf } from '../../../support/peer-ids.ts'
import {
  FakePort,
  fakeResolver,
  ManualClock,
  recordingLogger,
  settle,
  unreachable,
} from '../fakes.ts'

const HOST = '198.51.100.7'
const TARGET = 12
const STRANGERS = 200

function setUpDialer(t: TestContext, { dialBurst = 1000 } = {}) {
  const port = new FakePort()
  const clock = new ManualClock()
  const logger = recordingLogger()
  const names = Array.from({ length: STRANGERS }, (_, n) => [`n${n}.host.test`, `n.host${n}.test`])
  const resolver = fakeResolver({
    addresses: Object.fromEntries(names.flat().map((name) => [name, [HOST]])),
  })
  const seeds = new Seeds(
    { values: [], defaultPort: 4002 },
    { logger, ownPeerId: port.peerId, random: Math.random },
  )
  const dialer: Dialer = new Dialer(
    { targetPeers: TARGET, maxParallelDials: 10, dialBurst },
    {
      port,
      seeds,
      attempts: new Attempts(
        {},
        { port, resolver, learnedResolver: resolver, now: () => clock.now() },
      ),
      addressBook: () => [],
      logger,
      metrics: createDiscoveryMetrics(createMetrics(), {
        candidates: () => 0,
        dialsInProgress: () => 0,
        knownStations: () => 0,
        addressBookPeers: () => 0,
        seedStates: () => [],
      }),
      clock,
      random: Math.random,
    },
  )
  t.after(() => dialer.stop())
  return { port, clock, dialer }
}

/** Stations in as many subnets. */
function propose(dialer: Dialer, stations: number): void {
  for (let n = 0; n < stations; n++) {
    const addresses = [`/ip4/198.18.${n}.5/tcp/4002`]
    dialer.propose({ source: 'peer-exchange', peerId: peerIdOf(`station ${n}`), addresses })
  }
}

async function setUp(t: TestContext, stations: number, strangerAt: (n: number) => string[]) {
  const { port, clock, dialer } = setUpDialer(t)
  const strangers = new Set<string>()
  for (let n = 0; n < STRANGERS; n++) {
    const peerId = peerIdOf(`stranger ${n}`)
    strangers.add(peerId)
    dialer.propose({ source: 'peer-exchange', peerId, addresses: strangerAt(n) })
  }
  propose(dialer, stations)
  // Whatever strangers say, they are at one host.
  port.answer = async (target) => {
    const peerId = target.peerId ?? ''
    const isThere = (address: string) =>
      !strangers.has(peerId) || address.includes(`/${HOST}/`) || address.endsWith('/tls/ws')
    const address = target.addresses.find(isThere)
    if (address === undefined) throw unreachable()
    return port.reach(peerId, { ...target, addresses: [address] })
  }
  dialer.start()
  await settle()
  for (let second = 0; second < 120; second++) await clock.advance(1000)
  const ofHost = port.peers().filter(({ peerId }) => strangers.has(peerId)).length
  return { ofHost, others: port.peers().length - ofHost }
}

describe('two hundred peers of one host', () => {
  const forms: readonly (readonly [string, (n: number) => string[]])[] = [
    ['a port', (n) => [`/ip4/${HOST}/tcp/${5000 + n}`]],
    ['a name', (n) => [`/dns4/n${n}.host.test/tcp/${5000 + n}`]],
    ['an address elsewhere in front', (n) => [elsewhere(n), `/ip4/${HOST}/tcp/${5000 + n}`]],
    [
      'a name elsewhere in front',
      (n) => [`/dns4/n.host${n}.test/tcp/1024`, `/ip4/${HOST}/tcp/${5000 + n}`],
    ],
    ['a secure WebSocket with a domain', (n) => [`/dns4/n.host${n}.test/tcp/443/tls/ws`]],
  ]
  for (const [form, addressesOf] of forms) {
    it(`are two of a node's choice at most, each with ${form}`, async (t) => {
      const { ofHost, others } = await setUp(t, 20, addressesOf)
      assert.ok(ofHost <= 2, `${ofHost}`)
      assert.ok(others >= TARGET - 2, `${others}`)
    })

    it(`are no more where there is nobody else, each with ${form}`, async (t) => {
      const { ofHost } = await setUp(t, 0, addressesOf)
      assert.equal(ofHost, 2)
    })
  }

  it('keep nobody waiting whose dial failed, as many names as there are', async (t) => {
    const { port, clock, dialer } = setUpDialer(t, { dialBurst: 20 })
    const late = peerIdOf('late')
    let isUp = false
    port.answer = async (target) => {
      if (target.peerId === late && !isUp) throw unreachable()
      return port.reach(target.peerId ?? '', target)
    }
    dialer.propose({ source: 'registry', peerId: late, addresses: ['/ip4/203.0.113.1/tcp/4002'] })
    dialer.start()
    await settle()
    isUp = true
    for (let n = 0; n < 1000; n++) {
      const addresses = [`/dns4/n${n % STRANGERS}.host.test/tcp/${2000 + n}`]
      dialer.propose({ source: 'registry', peerId: peerIdOf(`stranger ${n}`), addresses })
    }
    const isReached = () => port.peers().some(({ peerId }) => peerId === late)
    // Each name is tried once before, two a second.
    for (let second = 0; second < 600 && !isReached(); second++) await clock.advance(1000)
    assert.ok(isReached())
  })
})

function elsewhere(n: number): string {
  return `/ip4/203.${n >> 4}.${n & 15}.1/tcp/4002`
}

describe('a third party that a thousand candidates name', () => {
  for (const [form, addressesOf] of [
    ['by its IP', (n: number) => (port: number) => `/ip4/${HOST}/tcp/${5000 + 8 * (n % 2) + port}`],
    ['by names', (n: number) => (port: number) => `/dns4/n${n}.host.test/tcp/${5000 + port}`],
    ['by domains', (n: number) => () => `/dns4/n.host${n}.test/tcp/443/tls/ws`],
  ] as const) {
    it(`is dialled four times and then once in five seconds, ${form}`, async (t) => {
      const { port, dialer, clock } = setUpDialer(t)
      port.answer = () => Promise.reject(unreachable())
      for (let n = 0; n < 1000; n++) {
        const addresses = Array.from({ length: 8 }, (_, k) => addressesOf(n % STRANGERS)(k))
        dialer.propose({ source: 'registry', peerId: peerIdOf(`stranger ${n}`), addresses })
      }
      dialer.start()
      await settle()
      for (let second = 1; second <= 60; second++) {
        await clock.advance(1000)
        const dials = port.dials.flatMap(({ addresses }) => addresses).length
        assert.ok(dials <= 4 + second / 5, `${dials} dials in ${second} s`)
      }
      assert.ok(port.dials.length > 4)
    })
  }

  it('keeps nobody else from being dialled', async (t) => {
    const { port, dialer, clock } = setUpDialer(t)
    port.answer = async (target) => {
      if (target.addresses.some((one) => one.includes(HOST))) throw unreachable()
      return port.reach(target.peerId ?? '', target)
    }
    for (let n = 0; n < 1000; n++) {
      const addresses = [`/ip4/${HOST}/tcp/${5000 + n}`]
      dialer.propose({ source: 'registry', peerId: peerIdOf(`stranger ${n}`), addresses })
    }
    propose(dialer, TARGET)
    dialer.start()
    await settle()
    for (let second = 0; second < 5; second++) await clock.advance(1000)
    assert.equal(port.peers().length, TARGET)
  })

  it('is reached at once where it is a campus of many stations', async (t) => {
    const { port, dialer, clock } = setUpDialer(t)
    port.answer = async (target) => port.reach(target.peerId ?? '', target)
    for (let n = 0; n < 50; n++) {
      const addresses = [`/ip4/${HOST}/tcp/${5000 + n}`]
      dialer.propose({ source: 'registry', peerId: peerIdOf(`campus ${n}`), addresses })
    }
    dialer.start()
    await settle()
    await clock.advance(1000)
    assert.equal(port.peers().length, 2)
  })
})

describe('stations of one /24 that are all a node knows', () => {
  async function setUpBook(t: TestContext, addressOf: (n: number) => string, isAt = addressOf) {
    const { port, clock, dialer } = setUpDialer(t)
    const gone = new Set<string>()
    const places = new Map<string, string>()
    port.answer = async (target) => {
      // All that is begun together is under way together.
      await new Promise((resolve) => setImmediate(resolve))
      const peerId = target.peerId ?? ''
      if (gone.has(peerId)) throw unreachable()
      return port.reach(peerId, { ...target, addresses: [places.get(peerId) ?? ''] })
    }
    for (let n = 0; n < 8; n++) {
      const peerId = peerIdOf(`station ${n}`)
      places.set(peerId, isAt(n))
      dialer.propose({ source: 'address-book', peerId, addresses: [addressOf(n)] })
    }
    dialer.start()
    await settle()
    /** @returns seconds until it was enough */
    const pass = async (seconds: number, isEnough = () => false) => {
      for (let second = 0; second < seconds; second++) {
        if (isEnough()) return second
        await clock.advance(1000)
      }
      return seconds
    }
    /** Whoever is connected leaves and is not to be reached again. */
    const end = () => {
      for (const { peerId } of [...port.peers()]) {
        gone.add(peerId)
        port.disconnect(peerId)
      }
    }
    return { port, pass, end }
  }

  const plain = (n: number) => `/ip4/198.51.100.${n + 10}/tcp/4002`

  it('are not dialled beyond the two that are wanted', async (t) => {
    const { port, pass } = await setUpBook(t, plain)
    await pass(600)
    assert.deepEqual([port.dials.length, port.hungUp.length], [2, 0])
  })

  it('are turned to at once when the two that were chosen end', async (t) => {
    const { port, pass, end } = await setUpBook(t, plain)
    await pass(70)
    end()
    assert.equal(await pass(600, () => port.peers().length > 0), 1)
  })

  for (const [form, addressOf, isAt] of [
    ['names say it', (n: number) => `/dns4/n${n}.host.test/tcp/${4002 + n}`, plain],
    ['a dial tells', (n: number) => `/ip4/203.0.${n}.1/tcp/4002`, plain],
  ] as const) {
    it(`are turned to within a minute where only ${form} that they are there`, async (t) => {
      const { port, pass, end } = await setUpBook(t, addressOf, isAt)
      await pass(70)
      assert.equal(port.peers().length, 2)
      end()
      const alone = await pass(600, () => port.peers().length > 0)
      assert.ok(alone <= 61, `${alone} s`)
    })

    it(`are tried about once a minute each where only ${form} that they are there`, async (t) => {
      const { port, pass } = await setUpBook(t, addressOf, isAt)
      await pass(600)
      assert.equal(port.peers().length, 2)
      assert.ok(port.dials.length <= 8 * 16, `${port.dials.length} dials`)
    })
  }
})
