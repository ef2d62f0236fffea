import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BoundedMap } from '../../../src/lib/bounded-map.ts'

test('a bounded map never holds more than its limit and evicts the least recently used', () => {
  const evicted: string[] = []
  const map = new BoundedMap<string, number>({ limit: 2, onEvict: (key) => evicted.push(key) })
  map.set('a', 1).set('b', 2)
  assert.equal(map.get('a'), 1)
  map.set('c', 3)
  assert.deepEqual([...map.keys()], ['a', 'c'])
  assert.deepEqual(evicted, ['b'])
})

test('reading by peek leaves the age of an entry as it was', () => {
  const map = new BoundedMap<string, number>({ limit: 2 })
  map.set('a', 1).set('b', 2)
  assert.equal(map.peek('a'), 1)
  map.set('c', 3)
  assert.equal(map.has('a'), false)
})

test('setting a key again replaces it and evicts nothing', () => {
  const map = new BoundedMap<string, number>({ limit: 2 })
  map.set('a', 1).set('b', 2).set('a', 3)
  assert.deepEqual(
    [...map.entries()],
    [
      ['b', 2],
      ['a', 3],
    ],
  )
})

test('deleting an entry is no eviction', () => {
  const evicted: string[] = []
  const map = new BoundedMap<string, number>({ limit: 1, onEvict: (key) => evicted.push(key) })
  map.set('a', 1)
  assert.equal(map.delete('a'), true)
  assert.deepEqual(evicted, [])
})

test('a limit that is no positive integer is refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => new BoundedMap({ limit }), RangeError)
  }
})

test('those that came once and are spent leave as new ones come; one that still counts stays', () => {
  let now = 0
  const map = new BoundedMap<number, number>({ limit: 1000, isSpent: (at) => now - at >= 10 })
  let most = 0
  for (; now < 5000; now++) {
    map.set(now, now)
    most = Math.max(most, map.size)
  }
  assert.ok(most <= 11, `${most} at most`)
  assert.deepEqual([...map.keys()], [4990, 4991, 4992, 4993, 4994, 4995, 4996, 4997, 4998, 4999])
})

test('of many that are spent at once, two go with each new one, and none with a known one', () => {
  let isOver = false
  const map = new BoundedMap<string, number>({
    limit: 100,
    isSpent: (value) => isOver && value < 9,
  })
  for (let n = 0; n < 10; n++) map.set(`${n}`, n)
  isOver = true
  map.set('5', 5)
  assert.equal(map.size, 10)
  map.set('new', 10)
  assert.equal(map.size, 9)
  for (let n = 0; n < 20; n++) map.set(`later ${n}`, 10)
  assert.deepEqual([...map.keys()].slice(0, 3), ['9', '5', 'new'])
})
