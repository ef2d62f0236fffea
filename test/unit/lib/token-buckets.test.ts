import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TokenBuckets } from '../../../src/lib/token-buckets.ts'

function create(limit = 1000) {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  return { clock, sut: new TokenBuckets({ limit, capacity: 3, refillPerSecond: 1, clock }) }
}

const taken = (sut: TokenBuckets, key: string) =>
  Array.from({ length: 10 }, () => sut.tryTake(key)).filter(Boolean).length

test('each key has tokens of its own, and gets them back in time', () => {
  const { sut, clock } = create()
  assert.equal(taken(sut, 'a'), 3)
  assert.equal(taken(sut, 'b'), 3)
  clock.nowMs = 2000
  assert.equal(taken(sut, 'a'), 2)
})

test('several tokens are taken together, or none', () => {
  const { sut } = create()
  assert.ok(sut.tryTake('a', 2))
  assert.ok(!sut.tryTake('a', 2))
  assert.ok(sut.tryTake('a'))
})

test('others that come give nobody tokens back', () => {
  const { sut } = create()
  assert.equal(taken(sut, 'a'), 3)
  for (let n = 0; n < 500; n++) sut.tryTake(`other ${n}`)
  assert.equal(taken(sut, 'a'), 0)
})

test('keys that came once are forgotten when their tokens are back', () => {
  const { sut, clock } = create()
  for (let n = 0; n < 5000; n++) {
    sut.tryTake(`key ${n}`)
    clock.nowMs += 100
  }
  assert.ok(sut.size <= 12, `${sut.size} remembered`)
  sut.clear()
  assert.equal(sut.size, 0)
})

test('a flood of keys is not remembered key by key', () => {
  const { sut } = create(100)
  for (let n = 0; n < 5000; n++) sut.tryTake(`key ${n}`)
  assert.equal(sut.size, 100)
})
