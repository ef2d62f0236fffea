import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AheadEpochs } from '../../../../src/registry/epochs/ahead-epochs.ts'
import { silentLogger } from '../../../../src/telemetry/index.ts'

const MINUTE_MS = 60_000

function setUp() {
  const time = { nowMs: 1_000_000_000 }
  const clock = { now: () => time.nowMs, sleep: async () => {} }
  return { time, ahead: new AheadEpochs({ clock, logger: silentLogger }) }
}

const dueIn = (ahead: AheadEpochs) => ahead.dueFor(10 * MINUTE_MS).map(({ epoch }) => epoch)

test('an epoch with entries ahead is due ten minutes after it was noticed, and not when they no longer are', () => {
  const { time, ahead } = setUp()
  const open = [{ epoch: 7, ownLatestMs: time.nowMs + 60 * MINUTE_MS }]
  ahead.look(open)
  assert.equal(ahead.has(7), true)
  time.nowMs += 10 * MINUTE_MS - 1
  ahead.look(open)
  assert.deepEqual(dueIn(ahead), [])
  time.nowMs += 1
  assert.deepEqual(dueIn(ahead), [7])
  time.nowMs += 40 * MINUTE_MS
  ahead.look(open)
  assert.equal(ahead.has(7), false)
})

test('a clock that is set back once more begins the ten minutes anew', () => {
  const { time, ahead } = setUp()
  ahead.note(7)
  time.nowMs -= 60 * MINUTE_MS
  assert.deepEqual(dueIn(ahead), [])
  time.nowMs += 9 * MINUTE_MS
  assert.deepEqual(dueIn(ahead), [])
  time.nowMs += MINUTE_MS
  assert.deepEqual(dueIn(ahead), [7])
})
