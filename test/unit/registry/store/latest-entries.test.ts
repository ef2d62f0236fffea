import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LatestEntries } from '../../../../src/registry/store/latest-entries.ts'

const entry = (hash: string, key: string, time: number) => ({
  hash,
  clock: { time },
  payload: { key },
})

test('of each key the latest entry counts, of equals the greater hash, whatever came first', () => {
  const entries = [
    entry('a1', 'a', 1),
    entry('a3', 'a', 3),
    entry('a2', 'a', 2),
    entry('b1', 'b', 5),
    entry('b2', 'b', 5),
  ]
  for (const order of [entries, entries.toReversed()]) {
    const latest = new LatestEntries()
    for (const each of order) latest.add(each)
    const all = entries.map(({ hash }) => hash)
    assert.deepEqual(latest.among(all, 10), ['a3', 'b2'])
    assert.deepEqual(latest.among(all.toReversed(), 1), ['b2'])
    assert.deepEqual(latest.among(all, 0), [])
    assert.equal(latest.size, 2)
  }
})
