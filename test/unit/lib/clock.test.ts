import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isAhead, isLately, steadyClock } from '../../../src/lib/clock.ts'

test('a steady clock begins with the time of day and does not jump with it', (t) => {
  const clock = steadyClock()
  const before = clock.now()
  assert.ok(Math.abs(before - Date.now()) < 1000)
  t.mock.method(Date, 'now', () => 0)
  assert.ok(clock.now() >= before && clock.now() - before < 60_000)
})

test('what was lately is so until its time is over, and no longer when the clock is set back', () => {
  const at = (nowMs: number) => isLately(1000, 100, nowMs)
  assert.deepEqual([999, 1000, 1099, 1100].map(at), [false, true, true, false])
})

test('a wait ends at its time, or when it seems to be longer than it was', () => {
  const at = (nowMs: number) => isAhead(1000, 100, nowMs)
  assert.deepEqual([899, 900, 999, 1000].map(at), [false, true, true, false])
})
