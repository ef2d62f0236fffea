import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { Attempts } from '../../../../src/network/dialer/attempts.ts'
import { Dialer } from '../../../../src/network/dialer/dialer.ts'
import { RelayedDial } from '../../../../src/network/dialer/relayed-dial.ts'
import { createDiscoveryMetrics } from '../../../../src/network/discovery/metrics.ts'
import { Seeds } from '../../../../src/network/discovery/seeds.ts'
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
import { peerIdNumber } from '../relay/client/fakes.ts'

const [SELF, RELAY, PEER] = PEERS
const VIA = `/ip4/198.51.100.1/tcp/4002/p2p/${RELAY}/p2p-circuit`
/** Of one host. */
const NAMES = Array.from({ length: 6 }, (_, n) => `n${n}.test`)

async function setUp(t: TestContext) {
  const port = new FakePort(SELF)
  const clock = new ManualClock()
  const logger = recordingLogger()
  const random = () => 0.5
  /** Peers reached through a relay, in order. */
  const relayed: string[] = []
  const state = { isUpgraded: true }
  const dial: RelayedDial = new RelayedDial({
    port,
    clock,
    onRelayReached: (peerId) => dialer.keep(peerId),
    relayed: {
      isConnected: (peerId) => port.peers().some((peer) => peer.peerId === peerId),
      dialRelayed: async (address) => void relayed.push(address.split('/').at(-1) ?? ''),
      whenDirect: async (peerId) => {
        if (!state.isUpgraded) return null
        const address = '/ip4/203.0.113.1/tcp/4002'
        port.connect(peerId, { address })
        return { peerId, address }
      },
      hangUpRelayed: async () => {},
    },
  })
  const registry = createMetrics()
  const metrics = createDiscoveryMetrics(registry, {
    candidates: () => 0,
    dialsInProgress: () => 0,
    knownStations: () => 0,
    addressBookPeers: () => 0,
    seedStates: () => [],
  })
  const seeds = new Seeds(
    { values: [], defaultPort: 4002 },
    { logger, ownPeerId: port.peerId, random },
  )
  const attempts = new Attempts(
    {},
    {
      port,
      resolver: fakeResolver({}),
      learnedResolver: fakeResolver({
        addresses: Object.fromEntries(NAMES.map((name) => [name, ['203.0.113.7']])),
      }),
      now: () => clock.now(),
      relayedDial: dial,
    },
  )
  const dialer: Dialer = new Dialer(
    { targetPeers: 3, maxParallelDials: 4 },
    {
      port,
      seeds,
      attempts,
      addressBook: () => [],
      logger,
      metrics,
      clock,
      random,
      relayedDial: dial,
    },
  )
  t.after(() => dialer.stop())
  dialer.start()
  await settle()
  return { port, clock, dialer, relayed, state, registry }
}

describe('dialer and relays', () => {
  it('reaches a peer through its relay when there is no other way, and counts it when it is direct', async (t) => {
    const { port, clock, dialer, relayed, registry } = await setUp(t)
    port.answer = async (target) => port.reach(target.peerId ?? '', target)
    dialer.propose({ source: 'registry', peerId: PEER, addresses: [VIA] })
    await clock.advance(1000)
    assert.deepEqual(relayed, [PEER])
    assert.match(await registry.text(), /wesense_dials_total\{outcome="ok",source="registry"\} 1/)
    assert.equal(dialer.isBelowTarget, true)
    const third = { peerId: await peerIdNumber(1), addresses: ['/ip4/198.51.100.1/tcp/4002'] }
    dialer.propose({ source: 'registry', ...third })
    await clock.advance(1000)
    assert.equal(dialer.isBelowTarget, false)
  })

  it('tries the direct addresses of a peer first, and its relay when they fail', async (t) => {
    const { port, clock, dialer, relayed } = await setUp(t)
    const direct = '/ip4/203.0.113.7/tcp/4002'
    port.answer = async (target) => {
      if (target.addresses.includes(direct)) throw new Error('nobody')
      return port.reach(target.peerId ?? '', target)
    }
    dialer.propose({ source: 'registry', peerId: PEER, addresses: [VIA, direct] })
    await clock.advance(1000)
    assert.deepEqual(
      port.dials.map(({ peerId }) => peerId),
      [PEER, RELAY],
    )
    assert.deepEqual(relayed, [PEER])
  })

  it('leaves relays alone while the host of a peer was dialled a moment ago', async (t) => {
    const { port, clock, dialer, relayed, registry } = await setUp(t)
    port.answer = () => Promise.reject(wrongPeer())
    for (const [n, name] of NAMES.entries()) {
      const addresses = [VIA, `/dns4/${name}/tcp/4002`]
      dialer.propose({ source: 'registry', peerId: await peerIdNumber(n), addresses })
    }
    for (let second = 0; second < 9; second++) await clock.advance(1000)
    assert.match(await registry.text(), /wesense_dials_total\{outcome="paced",source="registry"\}/)
    assert.deepEqual(relayed, [])
  })

  it('leaves relays alone when the target is met', async (t) => {
    const { port, clock, dialer, relayed } = await setUp(t)
    const address = '/ip4/192.168.1.9/tcp/4002'
    for (const n of [1, 2, 3]) port.connect(await peerIdNumber(n), { address })
    dialer.propose({ source: 'registry', peerId: PEER, addresses: [VIA] })
    await clock.advance(60_000)
    assert.deepEqual([relayed, port.dials.length], [[], 0])
  })

  it('comes back to a peer that did not become direct after an hour, not before', async (t) => {
    const { port, clock, dialer, relayed, state, registry } = await setUp(t)
    state.isUpgraded = false
    port.connect(RELAY)
    dialer.propose({ source: 'registry', peerId: PEER, addresses: [VIA] })
    for (let minute = 0; minute < 45; minute++) await clock.advance(60_000)
    assert.equal(relayed.length, 1)
    for (let minute = 0; minute < 40; minute++) await clock.advance(60_000)
    assert.equal(relayed.length, 2)
    const text = await registry.text()
    assert.match(text, /wesense_dials_total\{outcome="not-upgraded",source="registry"\} 2/)
  })

  it('spends few dials on a thousand peers behind a thousand relays', async (t) => {
    const { port, clock, dialer } = await setUp(t)
    const ids = await Promise.all(Array.from({ length: 1000 }, (_, n) => peerIdNumber(n + 10)))
    for (const [n, peerId] of ids.entries()) {
      const relay = ids[(n + 1) % ids.length]
      const at = `/ip4/198.51.${Math.floor(n / 250)}.${(n % 250) + 1}/tcp/4002`
      dialer.propose({ source: 'registry', peerId, addresses: [`${at}/p2p/${relay}/p2p-circuit`] })
    }
    for (let second = 0; second < 60; second++) await clock.advance(1000)
    assert.ok(port.dials.length <= 10, `${port.dials.length} dials in a minute`)
  })
})
