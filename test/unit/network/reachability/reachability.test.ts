import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createReachabilityMetrics } from '../../../../src/network/reachability/metrics.ts'
import {
  Reachability,
  type ReachabilityOptions,
} from '../../../../src/network/reachability/reachability.ts'
import type { DialBackResult } from '../../../../src/network/reachability/types.ts'
import { createMetrics, silentLogger } from '../../../../src/telemetry/index.ts'
import { ManualClock } from '../fakes.ts'

const OURS = '198.51.100.7'
const ADDRESS = `/ip4/${OURS}/tcp/4002`

function setUp(t: TestContext, options: ReachabilityOptions = { fixed: null }) {
  const clock = new ManualClock()
  const state = {
    peers: [] as { peerId: string; isServer: boolean }[],
    answer: 'unreached' as DialBackResult,
    answerTo: (_address: string, _peerId: string): DialBackResult => state.answer,
    hasPublicListener: false,
    changes: 0,
  }
  const asked: [peerId: string, address: string][] = []
  const registry = createMetrics()
  const reachability: Reachability = new Reachability(options, {
    port: {
      addressesAt: (ip) => [`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/4002`],
      hasPublicListener: () => state.hasPublicListener,
      publicPeers: () => state.peers,
      ask: async (peerId, address) => {
        asked.push([peerId, address])
        return state.answerTo(address, peerId)
      },
    },
    onChanged: () => state.changes++,
    metrics: createReachabilityMetrics(registry, () => reachability.state),
    logger: silentLogger,
    clock,
    random: () => 0.5,
  })
  t.after(() => reachability.stop())
  reachability.start()
  const meet = (peerId: string, ip = OURS, { isServer = true, subnet = peerId } = {}) => {
    state.peers.push({ peerId, isServer })
    reachability.noteObserved(peerId, { ip, subnet })
  }
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) await clock.advance(Math.min(500, left))
  }
  return { reachability, state, asked, clock, meet, advance, registry }
}

describe('reachability', () => {
  it('is private when two answers say that nobody gets through', async (t) => {
    const { reachability, asked, meet, advance, registry } = setUp(t)
    meet('a')
    meet('b')
    await advance(500)
    assert.equal(reachability.state, 'unknown')
    await advance(4000)
    assert.equal(reachability.state, 'private')
    assert.equal(reachability.needsRelay, true)
    assert.deepEqual(asked[0]?.[1], ADDRESS)
    const text = await registry.text()
    assert.match(text, /wesense_autonat_asked_total\{result="unreached"\} 2/)
    assert.match(text, /wesense_reachability\{state="private"\} 1/)
  })

  it('is public when one gets through, and says where', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    state.answer = 'reached'
    meet('a')
    await advance(500)
    assert.equal(reachability.state, 'public')
    assert.deepEqual(reachability.verified, [ADDRESS])
    assert.equal(reachability.needsRelay, false)
    assert.equal(state.changes, 1)
  })

  it('asks for a relay after a moment in which nobody could tell', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    meet('a', OURS, { isServer: false })
    assert.equal(reachability.needsRelay, false)
    await advance(1000)
    assert.deepEqual([reachability.state, reachability.needsRelay], ['unknown', true])
    state.peers.length = 0
    await advance(500)
    assert.equal(reachability.needsRelay, false)
  })

  it('still needs the relay that it asked for when the clock is set back', async (t) => {
    const { reachability, clock, meet, advance } = setUp(t)
    meet('a', OURS, { isServer: false })
    await advance(1000)
    assert.equal(reachability.needsRelay, true)
    clock.setBack(3_600_000)
    assert.equal(reachability.needsRelay, true)
    await advance(1000)
    assert.equal(reachability.needsRelay, true)
  })

  it('waits longer with a public address of its own', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    state.hasPublicListener = true
    meet('a', OURS, { isServer: false })
    await advance(20_000)
    assert.equal(reachability.needsRelay, false)
    await advance(15_000)
    assert.equal(reachability.needsRelay, true)
  })

  it('needs no relay in a network that has no public peers', async (t) => {
    const { reachability, advance } = setUp(t)
    await advance(120_000)
    assert.deepEqual([reachability.state, reachability.needsRelay], ['unknown', false])
  })

  it('turns public when a port is opened, and private when it is closed', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    meet('a')
    await advance(10_000)
    assert.equal(reachability.state, 'private')
    state.answer = 'reached'
    await advance(6 * 60_000)
    assert.equal(reachability.state, 'public')
    state.answer = 'unreached'
    await advance(11 * 60_000)
    assert.equal(reachability.state, 'private')
  })

  it('starts anew where the NAT has another address', async (t) => {
    const { reachability, state, asked, meet, advance } = setUp(t)
    meet('a')
    await advance(10_000)
    assert.equal(reachability.state, 'private')
    state.answer = 'reached'
    reachability.noteObserved('a', { ip: '203.0.113.5', subnet: 'a' })
    await advance(1000)
    assert.equal(reachability.state, 'public')
    assert.deepEqual(asked.at(-1), ['a', '/ip4/203.0.113.5/tcp/4002'])
  })

  it('believes most peers about its address, and asks only those that see it there', async (t) => {
    const { asked, meet, advance } = setUp(t)
    meet('liar', '203.0.113.66')
    meet('a')
    meet('b')
    await advance(10_000)
    assert.ok(asked.length > 0)
    assert.ok(asked.every(([peerId, address]) => peerId !== 'liar' && address === ADDRESS))
  })

  it('counts one voice for each network, however many names a liar has', async (t) => {
    const { asked, meet, advance } = setUp(t)
    meet('a')
    meet('b')
    for (const liar of ['x', 'y', 'z']) meet(liar, '203.0.113.66', { subnet: 'one' })
    await advance(10_000)
    assert.deepEqual([...new Set(asked.map(([, address]) => address))], [ADDRESS])
  })

  for (const isLateLiar of [true, false]) {
    it(`stays public while one of two servers denies it (${isLateLiar ? 'second' : 'first'})`, async (t) => {
      const { reachability, state, meet, advance } = setUp(t)
      const liar = isLateLiar ? 'b' : 'a'
      state.answerTo = (_, peerId) => (peerId === liar ? 'unreached' : 'reached')
      meet('a')
      meet('b')
      await advance(30_000)
      assert.equal(reachability.state, 'public')
      const before = state.changes
      for (let minute = 0; minute < 120; minute += 5) {
        await advance(5 * 60_000)
        assert.deepEqual([minute, reachability.state], [minute, 'public'])
      }
      // What changed is told: nothing did.
      assert.equal(state.changes, before)
    })
  }

  it('goes on asking when the clock is set back', async (t) => {
    const { asked, clock, meet, advance } = setUp(t)
    meet('a')
    await advance(10_000)
    const before = asked.length
    clock.setBack(24 * 3_600_000)
    await advance(10 * 60_000)
    assert.ok(asked.length > before, `${asked.length} questions`)
  })

  it('takes the word of one server twice where there is no other', async (t) => {
    const { reachability, meet, advance } = setUp(t)
    meet('a')
    meet('b', OURS, { isServer: false })
    await advance(10_000)
    assert.equal(reachability.state, 'private')
  })

  it('asks at its own pace, however often a peer sees it somewhere else', async (t) => {
    const { reachability, asked, meet, advance } = setUp(t)
    meet('a')
    for (let n = 0; n < 120; n++) {
      reachability.noteObserved('a', { ip: `203.0.113.${n}`, subnet: 'a' })
      await advance(500)
    }
    assert.ok(asked.length <= 21, `${asked.length} questions in a minute`)
  })

  it('looks again at an IPv4 address while nobody has time for the IPv6 one', async (t) => {
    const { reachability, state, asked, meet, advance } = setUp(t)
    state.answerTo = (address) => (address.startsWith('/ip6/') ? 'declined' : state.answer)
    meet('a')
    meet('b', '2001:db8::7')
    await advance(10 * 60_000)
    assert.equal(reachability.state, 'private')
    state.answer = 'reached'
    await advance(60 * 60_000)
    assert.equal(reachability.state, 'public')
    assert.ok(asked.length <= 30, `${asked.length} questions`)
  })

  it('asks a few times in an hour once it knows', async (t) => {
    const { asked, meet, advance } = setUp(t)
    meet('a')
    meet('b')
    await advance(3_600_000)
    assert.ok(asked.length >= 10 && asked.length <= 15, `${asked.length} questions`)
  })

  it('asks less and less while all servers are busy', async (t) => {
    const { reachability, state, asked, meet, advance } = setUp(t)
    state.answer = 'declined'
    meet('a')
    await advance(3_600_000)
    assert.ok(asked.length >= 10 && asked.length <= 20, `${asked.length} questions`)
    assert.deepEqual([reachability.state, reachability.needsRelay], ['unknown', true])
  })

  it('goes by IPv4 where there is one, and tells of an open IPv6 all the same', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    state.answerTo = (address) => (address.startsWith('/ip6/') ? 'reached' : 'unreached')
    meet('a')
    meet('b', '2001:db8::7')
    await advance(60_000)
    assert.deepEqual([reachability.state, reachability.needsRelay], ['private', true])
    assert.deepEqual(reachability.verified, ['/ip6/2001:db8::7/tcp/4002'])
  })

  it('asks nobody where the operator has said how it is', async (t) => {
    const { reachability, asked, meet, advance } = setUp(t, { fixed: 'public' })
    meet('a')
    await advance(60_000)
    assert.deepEqual([reachability.state, reachability.needsRelay, asked], ['public', false, []])
  })

  it('has proof of what the operator says once a public peer has come', async (t) => {
    const { reachability } = setUp(t, { fixed: 'public' })
    assert.equal(reachability.isProven, false)
    reachability.noteVisitor()
    assert.equal(reachability.isProven, true)
  })

  it('has proof of what it found out: somebody got through', async (t) => {
    const { reachability, state, meet, advance } = setUp(t)
    reachability.noteVisitor()
    assert.equal(reachability.isProven, false)
    state.answer = 'reached'
    meet('a')
    await advance(500)
    assert.equal(reachability.isProven, true)
  })
})
