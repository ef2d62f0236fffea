import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type DatedEntry, LatestEntries } from '../../../../src/registry/store/latest-entries.ts'

/** What counts of these entries, added in this order. */
function countingOf(order: Iterable<DatedEntry>) {
  const counting = new Set<string>()
  const latest = new LatestEntries((hash, isCounting) => {
    if (isCounting) counting.add(hash)
    else counting.delete(hash)
  })
  for (const each of order) latest.add(each)
  const among = (hashes: readonly string[]) => hashes.filter((hash) => counting.has(hash))
  return { among, size: latest.size }
}

const entry = (hash: string, key: string, time: number) => ({
  hash,
  clock: { time },
  payload: { key, op: 'PUT' as const },
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
    const latest = countingOf(order)
    const all = entries.map(({ hash }) => hash)
    assert.deepEqual(latest.among(all), ['a3', 'b2'])
    assert.equal(latest.size, 2)
  }
})

test('where several authors claim one local id the first put of each counts too: it says whose it is', () => {
  const deleted = { ...entry('A-del', 'A/i', 0), payload: { key: 'A/i', op: 'DEL' as const } }
  const entries = [
    deleted,
    entry('A-1', 'A/i', 1),
    entry('A-2', 'A/i', 2),
    entry('A-3', 'A/i', 3),
    entry('B-1', 'B/i', 1),
    entry('B-2', 'B/i', 1),
    entry('B-4', 'B/i', 4),
    entry('C-5', 'C/i', 5),
    entry('A-6', 'A/j', 6),
    entry('A-7', 'A/j', 7),
  ]
  const all = entries.map(({ hash }) => hash)
  for (const order of [entries, entries.toReversed()]) {
    const latest = countingOf(order)
    assert.deepEqual(latest.among(all), ['A-1', 'A-3', 'B-2', 'B-4', 'C-5', 'A-7'])
    assert.equal(latest.size, 4)
  }
})
