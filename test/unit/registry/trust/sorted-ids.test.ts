import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { SortedIds } from '../../../../src/registry/trust/sorted-ids.ts'
import { longestBlock } from '../../../support/event-loop.ts'

test('IDs that come and go are in order, whenever they are asked for', () => {
  const step = fc.record({ isAdded: fc.boolean(), id: fc.nat({ max: 300 }), isAsked: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const ids = new SortedIds()
      const expected = new Set<string>()
      for (const { isAdded, id, isAsked } of steps) {
        if (isAdded) ids.add(`${id}`)
        else ids.delete(`${id}`)
        if (isAdded) expected.add(`${id}`)
        else expected.delete(`${id}`)
        if (isAsked) assert.deepEqual(ids.sorted(), [...expected].sort())
      }
      assert.deepEqual(ids.sorted(), [...expected].sort())
      assert.equal(ids.sorted(), ids.sorted(), 'the same until something changes')
    }),
    { numRuns: 50 },
  )
})

test('of a hundred thousand, some thousands that come and go cost far less than all did', async () => {
  const ids = new SortedIds()
  const idOf = (i: number) => `${(i * 7919) % 1_000_003}-${i}`
  for (let i = 0; i < 100_000; i += 1) ids.add(idOf(i))
  const allMs = await longestBlock(async () => ids.sorted())
  for (let i = 0; i < 2000; i += 1) ids.add(idOf(100_000 + i))
  for (let i = 0; i < 2000; i += 1) ids.delete(idOf(i * 9))
  const someMs = await longestBlock(async () => ids.sorted())
  assert.ok(someMs < allMs / 3, `${someMs} ms of ${allMs} ms`)
})
