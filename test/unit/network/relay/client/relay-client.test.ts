import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createRelayClientMetrics } from '../../../../../src/network/relay/client/metrics.ts'
import { RelayClient } from '../../../../../src/network/relay/client/relay-client.ts'
import { STATUS } from '../../../../../src/network/relay/hop/wire.ts'
import { createMetrics, silentLogger } from '../../../../../src/telemetry/index.ts'
import { ManualClock, settle } from '../../fakes.ts'
import { FakeRelayPort, grant, peerIdNumber, refuse } from './fakes.ts'

const [A, B, C] = await Promise.all([0, 1, 2].map(peerIdNumber))
const HALF_AN_HOUR_MS = 30 * 60_000

interface Setup {
  readonly clock?: ManualClock
  readonly random?: () => number
}

function setUp(t: TestContext, { clock = new ManualClock(), random = () => 0.5 }: Setup = {}) {
  const port = new FakeRelayPort()
  const registry = createMetrics()
  const state = { isNeeded: true }
  const client: RelayClient = new RelayClient(
    {},
    {
      port,
      isNeeded: () => state.isNeeded,
      metrics: createRelayClientMetrics(registry, () => client.reservations.length),
      logger: silentLogger,
      clock,
      random,
    },
  )
  port.answer = () => grant(Math.round((clock.now() + HALF_AN_HOUR_MS) / 1000))
  t.after(() => client.stop())
  client.start()
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) await clock.advance(Math.min(500, left))
  }
  const held = () => client.reservations.map(({ relayPeerId }) => relayPeerId)
  const count = async (name: string, label: string) => {
    const match = new RegExp(`^wesense_${name}\\{${label}\\} (\\d+)`, 'm').exec(
      await registry.text(),
    )
    return Number(match?.[1] ?? 0)
  }
  return { port, client, clock, state, advance, held, count }
}

function at(peerId: string | undefined, subnet: number): string {
  return `/ip4/198.51.${subnet}.1/tcp/4002/p2p/${peerId}`
}

describe('relay client', () => {
  it('reserves on two of the relays that are connected, in different subnets', async (t) => {
    const { port, advance, held } = setUp(t)
    assert.ok(A && B && C)
    port.join(A, at(A, 1))
    port.join(B, at(B, 1).replace('.1.1/', '.1.2/'))
    port.join(C, at(C, 2))
    await advance(2000)
    assert.equal(held().length, 2)
    assert.ok(held().includes(C))
    assert.equal(port.asked.length, 2)
  })

  it('takes two relays of one subnet where there are no others', async (t) => {
    const { port, advance, held } = setUp(t)
    assert.ok(A && B)
    port.join(A, at(A, 1))
    port.join(B, at(B, 1).replace('.1.1/', '.1.2/'))
    await advance(2000)
    assert.equal(held().length, 2)
  })

  it('tells where it is reached with each change', async (t) => {
    const { port, advance } = setUp(t)
    assert.ok(A)
    port.join(A, at(A, 1))
    await advance(1000)
    const [last] = port.published.at(-1) ?? []
    assert.deepEqual(last?.addresses, [`${at(A, 1)}/p2p-circuit`])
    port.leave(A)
    await settle()
    assert.deepEqual(port.published.at(-1), [])
  })

  it('asks nobody while it can be reached, and drops what it holds when it comes to be', async (t) => {
    const { port, state, advance, held, count } = setUp(t)
    assert.ok(A && B)
    state.isNeeded = false
    port.join(A)
    await advance(5000)
    assert.equal(port.asked.length, 0)
    state.isNeeded = true
    await advance(1000)
    assert.deepEqual(held(), [A])
    state.isNeeded = false
    await advance(1000)
    assert.deepEqual(held(), [])
    assert.deepEqual(port.published.at(-1), [])
    assert.equal(await count('relay_client_losses_total', 'reason="not-needed"'), 1)
  })

  it('dials a relay that a record names when none is connected', async (t) => {
    const { port, client, advance, held } = setUp(t)
    assert.ok(A)
    port.canReach = () => true
    client.noteRelay({ peerId: A, addresses: ['/ip4/198.51.100.1/tcp/4002'], load: 0 })
    await advance(1000)
    assert.deepEqual(port.dials, [A])
    assert.deepEqual(held(), [A])
  })

  it('never dials a relay through a relay', async (t) => {
    const { port, client, advance } = setUp(t)
    assert.ok(A && B)
    const address = `/ip4/198.51.100.1/tcp/4002/p2p/${B}/p2p-circuit/p2p/${A}`
    client.noteRelay({ peerId: A, addresses: [address], load: 0 })
    await advance(5000)
    assert.deepEqual([port.dials, client.knownRelays], [[], 0])
  })

  it('prefers a relay that says it has places', async (t) => {
    const { port, client, advance } = setUp(t)
    assert.ok(A && B && C)
    for (const [peerId, load, subnet] of [
      [A, 1, 1],
      [B, 0.75, 2],
      [C, 0, 3],
    ] as const) {
      client.noteRelay({ peerId, addresses: [`/ip4/198.51.${subnet}.1/tcp/4002`], load })
    }
    await advance(400)
    assert.deepEqual(port.dials.slice(0, 2), [C, B])
  })

  it('prefers a relay that is near to one that is far', async (t) => {
    const { port, client, advance } = setUp(t)
    assert.ok(A && B && C)
    await client.stop()
    client.listen()
    port.join(A, at(A, 1), 400)
    port.join(B, at(B, 2), 20)
    port.join(C, at(C, 3), 120)
    client.start()
    await advance(400)
    assert.deepEqual(port.asked.slice(0, 2), [B, C])
  })

  it('refreshes before the end, and keeps what it has while the relay does not answer', async (t) => {
    const { port, advance, held, count } = setUp(t)
    assert.ok(A)
    port.join(A)
    await advance(1000)
    await advance(14 * 60_000)
    assert.equal(port.asked.length, 1)
    await advance(4 * 60_000)
    assert.equal(port.asked.length, 2)
    assert.equal(await count('relay_client_requests_total', 'outcome="refreshed"'), 1)
    port.answer = () => 'unsupported'
    await advance(20 * 60_000)
    assert.deepEqual(held(), [A])
    assert.ok(port.asked.length > 3)
    await advance(15 * 60_000)
    assert.deepEqual(held(), [])
    assert.equal(await count('relay_client_losses_total', 'reason="expired"'), 1)
  })

  it('refreshes at once when the clock is set back: the relay counts by its own', async (t) => {
    const { port, advance, held, clock } = setUp(t)
    assert.ok(A)
    port.join(A)
    await advance(1000)
    assert.equal(port.asked.length, 1)
    clock.setBack(6 * 3_600_000)
    await advance(5000)
    assert.equal(port.asked.length, 2)
    assert.deepEqual(held(), [A])
  })

  it('asks a relay again that refused it before the clock was set back', async (t) => {
    const { port, advance, held, clock } = setUp(t)
    assert.ok(A)
    port.answer = () => refuse(STATUS.permissionDenied)
    port.join(A)
    await advance(1000)
    assert.equal(port.asked.length, 1)
    clock.setBack(6 * 3_600_000)
    port.answer = () => grant(Math.round((clock.now() + HALF_AN_HOUR_MS) / 1000))
    await advance(60_000)
    assert.deepEqual(held(), [A])
  })

  it('leaves at once when a refresh is denied, and takes another', async (t) => {
    const { port, clock, advance, held, count } = setUp(t)
    assert.ok(A && B)
    port.join(A, at(A, 1))
    await advance(1000)
    port.answer = (peerId) => {
      if (peerId === A) return refuse(STATUS.permissionDenied)
      return grant(Math.round((clock.now() + HALF_AN_HOUR_MS) / 1000))
    }
    port.join(B, at(B, 2))
    await advance(20 * 60_000)
    assert.deepEqual(held(), [B])
    assert.equal(await count('relay_client_losses_total', 'reason="refused"'), 1)
  })

  it('asks a relay that has no place for it any more later and later, while another one is wanted', async (t) => {
    const { port, advance, held } = setUp(t)
    assert.ok(A)
    port.join(A, at(A, 1))
    await advance(1000)
    port.answer = () => refuse(STATUS.reservationRefused)
    await advance(20 * 60_000)
    assert.deepEqual(held(), [])
    const before = port.asked.length
    await advance(60 * 60_000)
    const perHour = port.asked.length - before
    assert.ok(perHour >= 4 && perHour <= 15, `${perHour} requests in an hour`)
  })

  it('asks its relay again seconds after it came back, however often it was down', async (t) => {
    const { port, advance, held } = setUp(t)
    assert.ok(A)
    port.join(A, at(A, 1))
    await advance(1000)
    for (let outage = 0; outage < 3; outage++) {
      port.leave(A)
      await advance(60_000)
      assert.deepEqual(held(), [])
      port.join(A, at(A, 1))
      await advance(600)
      assert.deepEqual(held(), [A])
    }
  })

  it('dials a relay that it held again and again, ten seconds apart at most', async (t) => {
    const { port, client, advance } = setUp(t)
    assert.ok(A)
    client.noteRelay({ peerId: A, addresses: [at(A, 1)], load: null })
    port.canReach = () => true
    await advance(1000)
    port.canReach = () => false
    port.leave(A)
    await advance(60_000)
    const before = port.dials.length
    await advance(60_000)
    const perMinute = port.dials.length - before
    assert.ok(perMinute >= 4 && perMinute <= 8, `${perMinute} dials in a minute`)
  })

  it('spends few dials on a thousand relays that records make up', async (t) => {
    const { port, client, advance } = setUp(t)
    const ids = await Promise.all(Array.from({ length: 1000 }, (_, n) => peerIdNumber(n + 10)))
    for (const [n, peerId] of ids.entries()) {
      const address = `/ip4/198.51.${Math.floor(n / 250)}.${(n % 250) + 1}/tcp/4002`
      client.noteRelay({ peerId, addresses: [address], load: 0 })
    }
    assert.ok(client.knownRelays <= 256)
    await advance(60_000)
    assert.ok(port.dials.length <= 10, `${port.dials.length} dials in a minute`)
    assert.equal(new Set(port.dials).size, port.dials.length)
  })

  it('finds the relay that is connected among a thousand that are made up', async (t) => {
    const { port, client, advance, held } = setUp(t)
    assert.ok(A)
    port.join(A)
    for (let n = 0; n < 300; n++) {
      const peerId = await peerIdNumber(n + 10)
      client.noteRelay({ peerId, addresses: [`/ip4/198.51.100.${n % 250}/tcp/4002`], load: 0 })
    }
    await advance(1000)
    assert.deepEqual(held(), [A])
  })

  it('asks again within the half hour that a place lasts though its own clock is behind', async (t) => {
    const { port, clock, advance, held } = setUp(t, { random: () => 1 })
    assert.ok(A)
    port.answer = () => grant(Math.round((clock.now() + 3 * HALF_AN_HOUR_MS) / 1000))
    port.join(A)
    await advance(HALF_AN_HOUR_MS)
    assert.equal(port.asked.length, 2)
    assert.deepEqual(held(), [A])
  })

  for (const [what, expireSeconds] of [
    ['has ended long ago', 1n],
    ['ends at the end of time', 2n ** 63n],
    ['ends in a second', 'soon'],
  ] as const) {
    it(`is not led on by a reservation that ${what}`, async (t) => {
      const { port, clock, advance, held } = setUp(t)
      assert.ok(A)
      const soon = () => BigInt(Math.round(clock.now() / 1000) + 1)
      port.answer = () => grant(expireSeconds === 'soon' ? soon() : expireSeconds)
      port.join(A)
      await advance(1000)
      assert.deepEqual(held(), [A])
      const [reservation] = [...(port.published.at(-1) ?? [])]
      const lifetimeMs = (reservation?.expiresAtMs ?? 0) - (reservation?.reservedAtMs ?? 0)
      assert.ok(lifetimeMs >= 120_000 && lifetimeMs <= HALF_AN_HOUR_MS)
      await advance(600_000)
      assert.ok(port.asked.length <= 11, `${port.asked.length} requests in ten minutes`)
      assert.deepEqual(held(), [A])
    })
  }

  for (const [name, status, outcome] of [
    ['RESERVATION_REFUSED', STATUS.reservationRefused, 'refused'],
    ['RESOURCE_LIMIT_EXCEEDED', STATUS.resourceLimitExceeded, 'full'],
    ['PERMISSION_DENIED', STATUS.permissionDenied, 'denied'],
    ['CONNECTION_FAILED', STATUS.connectionFailed, 'rejected'],
    ['NO_RESERVATION', STATUS.noReservation, 'rejected'],
    ['MALFORMED_MESSAGE', STATUS.malformedMessage, 'rejected'],
    ['UNEXPECTED_MESSAGE', STATUS.unexpectedMessage, 'rejected'],
    ['a status that nobody knows', 999, 'rejected'],
  ] as const) {
    it(`waits longer and longer after ${name}`, async (t) => {
      const { port, advance, held, count } = setUp(t)
      assert.ok(A)
      port.answer = () => refuse(status)
      port.join(A)
      await advance(8000)
      assert.equal(port.asked.length, 1)
      assert.equal(await count('relay_client_requests_total', `outcome="${outcome}"`), 1)
      // Coming and going does not make it ask more often.
      port.leave(A)
      port.join(A)
      await advance(500)
      assert.equal(port.asked.length, 1)
      await advance(10 * 60_000)
      assert.ok(port.asked.length <= 7, `${port.asked.length} requests in ten minutes`)
      assert.deepEqual(held(), [])
    })
  }

  for (const [what, answer, outcome] of [
    ['no protobuf', Uint8Array.of(0xff, 0xff), 'bad-reply'],
    ['a success without a reservation', refuse(STATUS.ok), 'bad-reply'],
    ['an empty message', Uint8Array.of(), 'bad-reply'],
    ['no such protocol', 'unsupported', 'unsupported'],
  ] as const) {
    it(`holds nothing after an answer that is ${what}`, async (t) => {
      const { port, advance, held, count } = setUp(t)
      assert.ok(A)
      port.answer = () => answer
      port.join(A)
      await advance(800)
      assert.deepEqual(held(), [])
      assert.equal(await count('relay_client_requests_total', `outcome="${outcome}"`), 1)
    })
  }

  it('does not announce addresses that nobody would dial', async (t) => {
    const { port, advance, held, count } = setUp(t)
    assert.ok(A)
    port.isDialableAnswer = () => false
    port.join(A)
    await advance(800)
    assert.deepEqual(held(), [])
    assert.equal(await count('relay_client_requests_total', 'outcome="no-address"'), 1)
  })

  it('holds nothing once it is stopped, and starts again', async (t) => {
    const { port, client, advance, held } = setUp(t)
    assert.ok(A)
    port.join(A)
    await advance(800)
    await client.stop()
    assert.deepEqual(held(), [])
    await client.stop()
    client.start()
    port.join(A)
    await advance(800)
    assert.deepEqual(held(), [A])
  })
})
