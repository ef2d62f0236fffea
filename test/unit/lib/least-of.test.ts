import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { LeastOf } from '../../../src/lib/least-of.ts'

interface Item {
  readonly rank: number
  readonly id: number
}

const isBefore = (a: Item, b: Item) => (a.rank === b.rank ? a.id < b.id : a.rank < b.rank)

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: fc.nat({ max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ leaveOut: fc.nat({ max: 3 }) }) },
)

test('the least of those that are here is found, whatever came and went, and with some left out', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const here = new Set<Item>()
      const least = new LeastOf<Item>({ isBefore, isHere: (item) => here.has(item) })
      const expected = (isWanted = (_: Item) => true) =>
        [...here].filter(isWanted).sort((a, b) => (isBefore(a, b) ? -1 : 1))[0] ?? null
      for (const [id, one] of steps.entries()) {
        if ('add' in one) {
          const item = { rank: one.add, id }
          here.add(item)
          least.add(item)
        } else if ('remove' in one) {
          const gone = [...here][one.remove % here.size]
          if (gone === undefined) continue
          here.delete(gone)
          least.noteGone()
        } else {
          const isWanted = ({ id }: Item) => id % 4 !== one.leaveOut
          assert.equal(least.least(isWanted), expected(isWanted))
        }
        assert.equal(least.size, here.size)
        if (id % 3 === 0) assert.equal(least.least(), expected())
      }
      assert.equal(least.least(), expected())
    }),
  )
})

test('what is gone is not kept, though nobody asks for the least', () => {
  const here = new Set<Item>()
  let looks = 0
  const isHere = (item: Item) => {
    looks += 1
    return here.has(item)
  }
  const least = new LeastOf<Item>({ isBefore, isHere })
  let last: Item = { rank: 0, id: 0 }
  for (let id = 0; id < 10_000; id += 1) {
    const item = { rank: 10_000 - id, id }
    here.add(item)
    least.add(item)
    if (here.delete(last)) least.noteGone()
    last = item
  }
  const before = looks
  assert.equal(least.least(), last)
  assert.ok(looks - before < 50, `${looks - before} looked at`)
  assert.ok(looks < 30_000, `${looks} looked at in all`)
})
