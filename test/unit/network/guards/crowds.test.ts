import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { Crowds } from '../../../../src/network/guards/crowds.ts'

const step = fc.record({
  isAdded: fc.boolean(),
  group: fc.constantFrom('a', 'b', 'c'),
  part: fc.constantFrom('1', '2', '3'),
  pick: fc.nat(),
})

interface Member {
  readonly group: string
  readonly part: string
}

test('the largest group, its largest part and the newest there are right after any steps', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sut = new Crowds<Member>()
      const model: Member[] = []
      const sizeOf = (group: string, part?: string) =>
        model.filter((one) => one.group === group && (part ?? one.part) === one.part).length
      const partOf = (group: string) => Math.max(...['1', '2', '3'].map((p) => sizeOf(group, p)))
      for (const { isAdded, pick, group, part } of steps) {
        const member = { group, part }
        if (isAdded) {
          model.push(member)
          sut.add(member, member)
        } else {
          const [out = member] = model.splice(pick % Math.max(1, model.length), 1)
          sut.delete(out, out)
        }
        const key = { group, part }
        assert.deepEqual(sut.sizeOf(key), { group: sizeOf(group), part: sizeOf(group, part) })
        assert.equal(sut.largestPart(group)?.size ?? 0, partOf(group))
        const largest = sut.largest()
        assert.equal(largest?.size ?? 0, Math.max(...['a', 'b', 'c'].map((g) => sizeOf(g))))
        if (largest === null) continue
        const { newest } = largest
        assert.equal(sizeOf(newest.group), largest.size)
        assert.equal(sizeOf(newest.group, newest.part), partOf(newest.group))
        const isOf = (one: Member) => one.group === newest.group && one.part === newest.part
        assert.equal(model.findLast(isOf), newest)
      }
    }),
  )
})
