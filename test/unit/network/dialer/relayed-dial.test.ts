import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import type { Reached } from '../../../../src/network/dialer/dial-port.ts'
import { RelayedDial, type RelayedPort } from '../../../../src/network/dialer/relayed-dial.ts'
import { OTHER_PEER_ID } from '../../../support/api.ts'
import { FakePort, fakeResolver, ManualClock, PEERS } from '../fakes.ts'

const [SELF, RELAY, PEER] = PEERS
const AT = '/ip4/198.51.100.1/tcp/4002'
const VIA = `${AT}/p2p/${RELAY}/p2p-circuit`

/** A host whose relayed connections become direct, or do not. */
class FakeRelayedPort implements RelayedPort {
  readonly relayed: string[] = []
  readonly hungUp: string[] = []
  direct: Reached | null = { peerId: PEER, address: '/ip4/203.0.113.1/tcp/4002' }
  fails: (address: string) => boolean = () => false
  connected: string[] = []

  isConnected(peerId: string): boolean {
    return this.connected.includes(peerId)
  }

  async dialRelayed(address: string): Promise<void> {
    this.relayed.push(address)
    if (this.fails(address)) throw new Error('NO_RESERVATION')
  }

  async whenDirect(): Promise<Reached | null> {
    return this.direct
  }

  async hangUpRelayed(peerId: string): Promise<void> {
    this.hungUp.push(peerId)
  }
}

function setUp() {
  const port = new FakePort(SELF)
  port.answer = async (target) => ({ peerId: target.peerId ?? '', address: AT })
  const relayed = new FakeRelayedPort()
  const clock = new ManualClock()
  const reachedRelays: string[] = []
  const dial = new RelayedDial({
    port,
    relayed,
    clock,
    onRelayReached: (peerId) => reachedRelays.push(peerId),
  })
  const options = { resolver: fakeResolver({}), signal: AbortSignal.timeout(5000) }
  const run = (...addresses: string[]) =>
    dial.dial(
      {
        peerId: PEER,
        relayed: addresses.map((address) => ({ address, source: 'registry' as const })),
      },
      options,
    )
  return { port, relayed, clock, dial, run, reachedRelays }
}

describe('a dial through a relay', () => {
  it('dials the relay, then the peer through it, and keeps the direct connection alone', async () => {
    const { port, relayed, run, reachedRelays } = setUp()
    const reached = await run(VIA)
    assert.equal(reached.address, '/ip4/203.0.113.1/tcp/4002')
    assert.deepEqual(
      port.dials.map(({ peerId, addresses }) => [peerId, ...addresses]),
      [[RELAY, AT]],
    )
    assert.deepEqual(relayed.relayed, [`${VIA}/p2p/${PEER}`])
    assert.deepEqual(relayed.hungUp, [PEER])
    assert.deepEqual(reachedRelays, [RELAY])
  })

  it('uses the connection to the relay that is open', async () => {
    const { port, relayed, run } = setUp()
    relayed.connected = [RELAY]
    await run(VIA)
    assert.equal(port.dials.length, 0)
  })

  it('hangs up what does not become direct, and leaves that peer alone for an hour', async () => {
    const { relayed, clock, dial, run } = setUp()
    relayed.direct = null
    await assert.rejects(run(VIA), { code: 'not-upgraded' })
    assert.deepEqual(relayed.hungUp, [PEER])
    const target = { peerId: PEER, relayed: [{ address: VIA, source: 'registry' as const }] }
    assert.equal(dial.isWorthwhile(target), false)
    await clock.advance(61 * 60_000)
    assert.equal(dial.isWorthwhile(target), true)
  })

  it('leaves nobody alone for as long as the clock is set back', async () => {
    const { relayed, clock, dial, run } = setUp()
    relayed.direct = null
    await assert.rejects(run(VIA), { code: 'not-upgraded' })
    const target = { peerId: PEER, relayed: [{ address: VIA, source: 'registry' as const }] }
    clock.setBack(24 * 3_600_000)
    await clock.advance(61 * 60_000)
    assert.equal(dial.isWorthwhile(target), true)
  })

  it('asks no more for minutes after a peer that none of its relays knows', async () => {
    const { relayed, clock, dial, run } = setUp()
    relayed.fails = () => true
    await assert.rejects(run(VIA), /NO_RESERVATION/)
    const target = { peerId: PEER, relayed: [{ address: VIA, source: 'registry' as const }] }
    await clock.advance(4 * 60_000)
    assert.equal(dial.isWorthwhile(target), false)
    await clock.advance(2 * 60_000)
    assert.equal(dial.isWorthwhile(target), true)
  })

  it('tries the next relay when one has no reservation', async () => {
    const { relayed, run } = setUp()
    const second = VIA.replace('.100.1/', '.101.1/')
    relayed.fails = (address) => address.startsWith(VIA)
    await run(VIA, second)
    assert.deepEqual(relayed.relayed.length, 2)
  })

  it('dials no relay that policy refuses, and not itself as one', async () => {
    const { port, relayed, run } = setUp()
    port.isAllowedAnswer = (address) => !address.startsWith(AT)
    await assert.rejects(run(VIA), { code: 'denied' })
    const other = setUp()
    await assert.rejects(other.run(`/ip4/203.0.113.9/tcp/4002/p2p/${SELF}/p2p-circuit`), {
      code: 'self',
    })
    assert.deepEqual([port.dials.length, relayed.relayed.length], [0, 0])
  })

  it('resolves a name of a relay and judges what it stands for', async () => {
    const { port, dial } = setUp()
    port.isAllowedAnswer = (address) => !address.includes('127.0.0.1')
    const resolver = fakeResolver({ addresses: { 'evil.example.org': ['127.0.0.1'] } })
    const address = `/dns4/evil.example.org/tcp/4002/p2p/${RELAY}/p2p-circuit`
    const target = { peerId: PEER, relayed: [{ address, source: 'registry' as const }] }
    const signal = AbortSignal.timeout(5000)
    await assert.rejects(dial.dial(target, { resolver, signal }), { code: 'denied' })
    assert.equal(port.dials.length, 0)
  })

  it('is made for two peers at a time', async () => {
    const { relayed, dial, run } = setUp()
    const { promise, resolve } = Promise.withResolvers<Reached | null>()
    relayed.whenDirect = () => promise
    const running = [run(VIA), run(VIA)]
    await assert.rejects(run(VIA), { code: 'denied' })
    resolve(relayed.direct)
    await Promise.all(running)
    const target = {
      peerId: OTHER_PEER_ID,
      relayed: [{ address: VIA, source: 'registry' as const }],
    }
    assert.equal(dial.isWorthwhile(target), true)
  })

  it('is made a few times in a minute, whoever asks for it', async () => {
    const { relayed, clock, run } = setUp()
    let refused = 0
    for (let n = 0; n < 60; n++) {
      await run(VIA).catch(() => refused++)
      await clock.advance(1000)
    }
    assert.ok(relayed.relayed.length <= 8, `${relayed.relayed.length} in a minute`)
    assert.equal(relayed.relayed.length + refused, 60)
  })
})
