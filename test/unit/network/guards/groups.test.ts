import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { Groups } from '../../../../src/network/guards/groups.ts'

const step = fc.record({
  isAdded: fc.boolean(),
  group: fc.constantFrom('a', 'b', 'c', 'd'),
  pick: fc.nat(),
})

test('the largest group and its newest and oldest are right after any adding and taking out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sut = new Groups<number>()
      const model = new Map<string, number[]>()
      for (const [member, { isAdded, group, pick }] of steps.entries()) {
        const members = model.get(group) ?? []
        model.set(group, members)
        if (isAdded) {
          sut.add(group, member)
          members.push(member)
        } else {
          const [out = -1] = members.splice(pick % Math.max(1, members.length), 1)
          sut.delete(group, out)
        }
        const sizes = [...model.values()].map(({ length }) => length)
        const largest = sut.largest()
        assert.equal(largest?.size ?? 0, Math.max(...sizes))
        assert.equal(
          sut.count,
          sizes.reduce((sum, size) => sum + size, 0),
        )
        for (const [name, { length }] of model) assert.equal(sut.sizeOf(name), length)
        if (largest === null) continue
        const whole = [...model.values()].filter(({ length }) => length === largest.size)
        const match = whole.find((candidates) => candidates.at(-1) === largest.newest)
        assert.ok(match !== undefined, 'newest of a largest group')
        assert.equal(match[0], sut.oldestOfLargest())
      }
    }),
  )
})
