import assert from 'node:assert/strict'
import { test } from 'node:test'

import { steadyClock } from '../../../src/lib/clock.ts'

test('a steady clock begins with the time of day and does not jump with it', (t) => {
  const clock = steadyClock()
  const before = clock.now()
  assert.ok(Math.abs(before - Date.now()) < 1000)
  t.mock.method(Date, 'now', () => 0)
  assert.ok(clock.now() >= before && clock.now() - before < 60_000)
})
