import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TokenBucket } from '../../../src/lib/token-bucket.ts'

function bucketAt(clock: { nowMs: number }): TokenBucket {
  return new TokenBucket({ capacity: 3, refillPerSecond: 2, clock: { now: () => clock.nowMs } })
}

test('a bucket allows its burst and then nothing until it refills', () => {
  const clock = { nowMs: 0 }
  const bucket = bucketAt(clock)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => bucket.tryTake()),
    [true, true, true, false],
  )
  clock.nowMs = 499
  assert.equal(bucket.tryTake(), false)
  clock.nowMs = 1000
  assert.equal(bucket.tryTake(2), true)
})

test('a bucket never holds more than its capacity', () => {
  const clock = { nowMs: 0 }
  const bucket = bucketAt(clock)
  clock.nowMs = 3_600_000
  assert.equal(bucket.tryTake(4), false)
  assert.equal(bucket.isFull, true)
})

test('a clock that jumps back takes no tokens away', () => {
  const clock = { nowMs: 10_000 }
  const bucket = bucketAt(clock)
  clock.nowMs = 0
  assert.equal(bucket.tryTake(3), true)
})
