import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Clock } from '../../../../src/lib/clock.ts'
import { MAX_CLOCK_AHEAD_MS } from '../../../../src/registry/constants.ts'
import { OwnClock } from '../../../../src/registry/store/own-clock.ts'

interface Wall extends Clock {
  nowMs: number
}

function clockAt(nowMs: number) {
  const wall: Wall = { nowMs, now: () => wall.nowMs, sleep: async () => {} }
  return { wall, own: new OwnClock(wall) }
}

test('entries of ours follow the wall clock, each later than the last', () => {
  const clock = clockAt(1000)
  assert.equal(clock.own.next(), 1000)
  assert.equal(clock.own.next(), 1000, 'what was not written takes no clock')
  clock.own.note(1000)
  assert.equal(clock.own.next(), 1001)
  clock.own.note(900)
  assert.equal(clock.own.next(), 1001, 'an older entry that is read changes nothing')
  clock.wall.nowMs = 5000
  assert.equal(clock.own.next(), 5000)
})

test('after a clock that was set back far, nothing is written until it has caught up', () => {
  const clock = clockAt(0)
  clock.own.note(MAX_CLOCK_AHEAD_MS + 1)
  assert.throws(() => clock.own.next(), { code: 'CLOCK_AHEAD' })
  clock.wall.nowMs = 2
  assert.equal(clock.own.next(), MAX_CLOCK_AHEAD_MS + 2)
})
