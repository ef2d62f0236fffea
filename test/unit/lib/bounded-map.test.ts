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
