import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { type CircuitShare, Shaper } from '../../../../../src/network/relay/circuits/shaper.ts'
import type { RelayLimits } from '../../../../../src/network/relay/types.ts'
import { ManualClock } from '../../fakes.ts'

describe('the shaper', () => {
  it('lets everything pass where nothing is limited', () => {
    const { shaper } = setUp({})
    assert.equal(shaper.take({}, shaper.join('192.0.2.1'), 1e9, fail), 1e9)
    assert.equal(shaper.waiting, 0)
  })

  it('gives out a burst, then the rate', async () => {
    const { shaper, clock, user } = setUp({ circuitBytesPerSecond: 10_000, burstSeconds: 2 })
    const eager = user('192.0.2.1')
    assert.equal(eager.bytes, 20_000)
    for (let i = 0; i < 100; i += 1) await clock.advance(50)
    assert.equal(eager.bytes, 20_000 + 5 * 10_000)
    shaper.stop()
  })

  it('holds a host to its rate, whatever number of circuits it opens', async () => {
    const { clock, user } = setUp({ hostBytesPerSecond: 10_000, burstSeconds: 1 })
    const ofHost = Array.from({ length: 5 }, () => user('192.0.2.1'))
    const other = user('192.0.2.2')
    for (let i = 0; i < 100; i += 1) await clock.advance(50)
    const total = ofHost.reduce((sum, { bytes }) => sum + bytes, 0)
    assert.equal(total, 60_000)
    assert.equal(other.bytes, 60_000)
    // Not even by ending them and opening others.
    for (const { leave } of ofHost) leave()
    assert.equal(user('192.0.2.1').bytes, 0)
  })

  it('holds a /64 to the rate of one host, whatever addresses it has', async () => {
    const { shaper, user } = setUp({ hostBytesPerSecond: 10_000, burstSeconds: 1 })
    assert.equal(user('2600:db8:1:2:0:0:0:1').bytes, 10_000)
    assert.equal(user('2600:db8:1:2:0:0:0:2').bytes, 0)
    assert.equal(user('2600:db8:1:3:0:0:0:1').bytes, 10_000)
    shaper.stop()
  })

  it('serves all that wait for the whole relay alike', async () => {
    const { clock, user } = setUp({ totalBytesPerSecond: 400_000, burstSeconds: 1 })
    const users = Array.from({ length: 40 }, (_, i) => user(`192.0.2.${i}`))
    for (let i = 0; i < 200; i += 1) await clock.advance(50)
    // The first one found the burst; since then each had its turn.
    const [, ...others] = users.map(({ bytes }) => bytes)
    assert.ok(Math.max(...others) - Math.min(...others) <= 8_192, `${Math.min(...others)}`)
    assert.ok(Math.min(...others) > 90_000)
  })

  it('lets nobody who comes later overtake those that wait', async () => {
    const { shaper, clock, user } = setUp({ totalBytesPerSecond: 100_000, burstSeconds: 1 })
    const waiting = user('192.0.2.1')
    const before = waiting.bytes
    const asker = {}
    const share = shaper.join('192.0.2.2')
    let stolen = 0
    // Small bites at every moment, never waiting in line.
    for (let i = 0; i < 400; i += 1) {
      await clock.advance(10)
      stolen += shaper.take(asker, share, 100, () => {})
      shaper.leave(asker)
    }
    assert.ok(waiting.bytes - before > 300_000, `${waiting.bytes - before}`)
    assert.ok(stolen < 100_000, `${stolen}`)
  })

  it('makes none wait for the empty bucket of another circuit', async () => {
    const { clock, user } = setUp({
      circuitBytesPerSecond: 1_000,
      totalBytesPerSecond: 1_000_000,
      burstSeconds: 1,
    })
    const eager = user('192.0.2.1')
    const calm = user('192.0.2.1', 500)
    assert.equal(eager.bytes, 1_000)
    assert.equal(calm.bytes, 500)
    await clock.advance(50)
    assert.equal(eager.bytes, 1_050)
  })

  it('makes those pay later that cannot be held', async () => {
    const { shaper, clock, user } = setUp({ circuitBytesPerSecond: 10_000, burstSeconds: 1 })
    const eager = user('192.0.2.1')
    shaper.force(eager.asker, eager.share, 10_000)
    eager.ask()
    for (let i = 0; i < 20; i += 1) await clock.advance(50)
    assert.equal(eager.bytes, 10_000)
    for (let i = 0; i < 20; i += 1) await clock.advance(50)
    assert.equal(eager.bytes, 20_000)
  })

  it('tells which bucket was waited for and how long, also while it lasts', async () => {
    const { clock, user, waits } = setUp({ hostBytesPerSecond: 1_000, burstSeconds: 1 })
    user('192.0.2.1')
    for (let i = 0; i < 60; i += 1) await clock.advance(50)
    assert.deepEqual([...new Set(waits.map(({ bucket }) => bucket))], ['host'])
    const ms = waits.reduce((sum, wait) => sum + wait.ms, 0)
    assert.ok(ms >= 2_000 && ms <= 3_000, `${ms}`)
    assert.ok(waits.length <= 4)
  })

  it('forgets who leaves and has no timer when nobody waits', async () => {
    const { shaper, clock, user } = setUp({ circuitBytesPerSecond: 1_000 })
    const eager = user('192.0.2.1')
    assert.equal(shaper.waiting, 1)
    eager.leave()
    assert.equal(shaper.waiting, 0)
    await clock.advance(50)
    const { bytes } = eager
    await clock.advance(10_000)
    assert.equal(eager.bytes, bytes)
  })

  it('gives out in a round what there is at its beginning, however long it takes over thousands', async () => {
    const rate = 4_194_304
    const { clock, user } = setUp(
      { totalBytesPerSecond: rate, burstSeconds: 0 },
      new ClockThatGoesOn(),
    )
    const users = Array.from({ length: 3_200 }, () => user('192.0.2.1', 16_384))
    const passed = () => users.reduce((sum, { bytes }) => sum + bytes, 0)
    // What came up while they queued is gone with the first round.
    await clock.advance(50)
    const before = passed()
    await clock.advance(50)
    const given = passed() - before
    assert.ok(given > rate * 0.049 && given < rate * 0.051, `${given}`)
  })

  it('keeps passing at a rate below one byte for each round', async () => {
    const { clock, user } = setUp({ circuitBytesPerSecond: 5, burstSeconds: 0 })
    const eager = user('192.0.2.1')
    for (let i = 0; i < 400; i += 1) await clock.advance(50)
    assert.ok(Math.abs(eager.bytes - 100) <= 2, `${eager.bytes}`)
  })
})

/** Each look at it takes a microsecond, as in a process that works. */
class ClockThatGoesOn extends ManualClock {
  #looks = 0

  override now(): number {
    this.#looks += 1
    return super.now() + Math.floor(this.#looks / 1_000)
  }
}

function setUp(rates: Partial<RelayLimits['rates']>, clock = new ManualClock()) {
  const waits: { bucket: string; ms: number }[] = []
  const shaper = new Shaper(
    {
      rates: {
        circuitBytesPerSecond: null,
        hostBytesPerSecond: null,
        totalBytesPerSecond: null,
        burstSeconds: 1,
        ...rates,
      },
      maxHosts: 100,
    },
    { clock, onWaited: (bucket, ms) => void waits.push({ bucket, ms }) },
  )
  const user = (host: string, wanted = Number.POSITIVE_INFINITY) =>
    newUser(shaper, shaper.join(host), wanted)
  return { clock, shaper, waits, user }
}

/** One direction that always has more to pass on, until it has passed all it wanted. */
function newUser(shaper: Shaper, share: CircuitShare, wanted: number) {
  const asker = {}
  const self = {
    asker,
    share,
    bytes: 0,
    ask: (): void => {
      for (;;) {
        const left = Math.min(65_536, wanted - self.bytes)
        const taken = left === 0 ? 0 : shaper.take(asker, share, left, self.ask)
        self.bytes += taken
        if (taken === 0) return
      }
    },
    leave: () => shaper.leave(asker),
  }
  self.ask()
  return self
}

function fail(): void {
  assert.fail('nothing was waited for')
}
