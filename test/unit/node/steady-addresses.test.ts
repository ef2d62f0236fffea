import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { SteadyAddresses } from '../../../src/node/steady-addresses.ts'
import { ManualClock } from '../network/fakes.ts'

const HOUR_MS = 3_600_000

function setUp() {
  const clock = new ManualClock()
  let current: readonly string[] = []
  const steady = new SteadyAddresses(() => current, clock)
  /** Lets the addresses be so for a time. @returns how often what is told changed meanwhile */
  const stay = async (addresses: readonly string[], ms: number) => {
    current = addresses
    let changes = 0
    let told = steady.read().join()
    for (let passed = 0; passed < ms; passed += 1000) {
      await clock.advance(1000)
      const now = steady.read().join()
      if (now !== told) changes++
      told = now
    }
    return changes
  }
  return { steady, stay }
}

describe('the addresses in a record', () => {
  it('are told once they have settled, two relays at once', async () => {
    const { steady, stay } = setUp()
    await stay(['/a'], 1000)
    assert.deepEqual(steady.read(), [])
    assert.equal(await stay(['/a', '/b'], 10_000), 1)
    assert.deepEqual(steady.read(), ['/a', '/b'])
  })

  it('do not change with a relay that restarts', async () => {
    const { steady, stay } = setUp()
    await stay(['/a'], 5000)
    assert.equal(await stay([], 10_000), 0)
    assert.equal(await stay(['/a'], HOUR_MS), 0)
    assert.deepEqual(steady.read(), ['/a'])
  })

  it('change when a relay is gone for good', async () => {
    const { steady, stay } = setUp()
    await stay(['/a', '/b'], 5000)
    assert.equal(await stay(['/b', '/c'], 25_000), 1)
    assert.deepEqual(steady.read(), ['/b', '/c'])
  })

  it('wait hours for one more', async () => {
    const { steady, stay } = setUp()
    await stay(['/a'], 5000)
    assert.equal(await stay(['/a', '/b'], 3 * HOUR_MS), 0)
    assert.equal(await stay(['/a', '/b'], 2 * HOUR_MS), 1)
    assert.deepEqual(steady.read(), ['/a', '/b'])
  })

  it('are none when there has been no way for a while', async () => {
    const { steady, stay } = setUp()
    await stay(['/a'], 5000)
    assert.equal(await stay([], 30_000), 1)
    assert.deepEqual(steady.read(), [])
  })

  it('are told again a few times only when there is a way now and then', async () => {
    const { stay } = setUp()
    let changes = 0
    for (let n = 0; n < 60; n++) {
      changes += await stay(['/a'], 30_000)
      changes += await stay([], 30_000)
    }
    assert.ok(changes <= 10, `${changes} changes in an hour`)
  })

  it('change a few times a day with relays that come and go for ever', async () => {
    const { stay } = setUp()
    let changes = 0
    for (let n = 0; n < 24 * 60; n++) changes += await stay([`/relay-${n}`], 60_000)
    assert.ok(changes <= 29, `${changes} changes in a day`)
  })
})
