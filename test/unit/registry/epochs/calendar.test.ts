import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  EARLY_MS,
  EPOCH_MS,
  epochAt,
  replicatedIn,
  startOfEpoch,
  windowAt,
} from '../../../../src/registry/epochs/calendar.ts'

const DAY_MS = 86_400_000

test('an epoch is fourteen days, counted from 1970 in UTC', () => {
  assert.equal(epochAt(0), 0)
  assert.equal(epochAt(14 * DAY_MS - 1), 0)
  assert.equal(epochAt(14 * DAY_MS), 1)
  assert.equal(epochAt(Date.UTC(2026, 0, 1)), 1461)
  assert.equal(new Date(startOfEpoch(1461)).toISOString(), '2026-01-01T00:00:00.000Z')
  assert.equal(epochAt(-1), 0, 'a clock before 1970 is in the first')
})

test('an epoch is open from six hours before it begins until the time to live after its end', () => {
  const start = startOfEpoch(100)
  const end = start + EPOCH_MS
  for (const ttlDays of [1, 7, 365]) {
    const ttlMs = ttlDays * DAY_MS
    const isOpen = (nowMs: number) => {
      const { oldest, newest } = windowAt(nowMs, ttlMs)
      return oldest <= 100 && 100 <= newest
    }
    assert.equal(isOpen(start - EARLY_MS - 1), false)
    assert.equal(isOpen(start - EARLY_MS), true)
    assert.equal(isOpen(start), true)
    assert.equal(isOpen(end + ttlMs - 1), true)
    assert.equal(isOpen(end + ttlMs), false)
  }
})

test('at no time are more than 28 epochs read and three replicated, the one written to among them', () => {
  for (const ttlDays of [1, 7, 30, 90, 365]) {
    for (let nowMs = startOfEpoch(1461); nowMs < startOfEpoch(1463); nowMs += 3_600_000) {
      const window = windowAt(nowMs, ttlDays * DAY_MS)
      const replicated = replicatedIn(window)
      assert.ok(window.newest - window.oldest < 28)
      assert.ok(window.oldest <= window.replicated)
      assert.ok(replicated.length <= 3)
      assert.ok(replicated.includes(window.current))
      assert.equal(window.current, epochAt(nowMs))
      const isPreviousRead = window.oldest < window.current
      assert.equal(replicated.includes(window.current - 1), isPreviousRead)
    }
  }
})
