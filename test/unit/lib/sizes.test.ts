import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { Sizes } from '../../../src/lib/sizes.ts'

const KEYS = ['a', 'b', 'c', 'd']
const step = fc.record({ isAdded: fc.boolean(), key: fc.constantFrom(...KEYS) })

test('each count, and a key of the largest, are right after any adding and subtracting', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sut = new Sizes()
      const model = new Map<string, number>()
      for (const { isAdded, key } of steps) {
        if (isAdded) sut.add(key)
        else sut.subtract(key)
        model.set(key, Math.max(0, (model.get(key) ?? 0) + (isAdded ? 1 : -1)))
        for (const one of KEYS) assert.equal(sut.of(one), model.get(one) ?? 0)
        const most = Math.max(...model.values())
        const largest = sut.largest()
        assert.equal(largest === null ? 0 : sut.of(largest), most)
      }
    }),
  )
})
