import assert from 'node:assert/strict'
import { test } from 'node:test'

import { lowerBound } from '../../../src/lib/lower-bound.ts'

test('the place of a text is before all that are not before it', () => {
  const sorted = ['a', 'c', 'c', 'e']
  const places = ['', 'a', 'b', 'c', 'd', 'e', 'f'].map((text) => lowerBound(sorted, text))
  assert.deepEqual(places, [0, 0, 1, 1, 3, 3, 4])
  assert.equal(lowerBound([], 'a'), 0)
})
