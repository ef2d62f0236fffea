import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { LogIndex } from '../../../../src/registry/store/log-index.ts'

function chain(count: number): LogIndex {
  const index = new LogIndex()
  for (let i = 0; i < count; i += 1) index.add(`e${i}`, i === 0 ? [] : [`e${i - 1}`])
  return index
}

test('heads are the entries that no other links to', () => {
  const index = chain(3)
  index.add('fork', ['e0'])
  assert.deepEqual(index.heads(10), ['fork', 'e2'])
  index.add('merge', ['fork', 'e2'])
  assert.deepEqual(index.heads(10), ['merge'])
})

test('a peer that has the head lacks nothing; one that has nothing lacks all, parents first', () => {
  const index = chain(4)
  assert.deepEqual(index.missingFrom(['e3']), [])
  assert.deepEqual(index.missingFrom([]), ['e0', 'e1', 'e2', 'e3'])
  assert.deepEqual(index.missingFrom(['e1', 'unknown']), ['e2', 'e3'])
})

test('a fork is missing even where the main line is known', () => {
  const index = chain(3)
  index.add('fork', ['e0'])
  assert.deepEqual(index.missingFrom(['e2']), ['fork'])
})

test('a locator names the shared past of a long log within its limit', () => {
  const index = chain(10_000)
  const names = index.locator(64)
  assert.ok(names.length <= 64)
  assert.ok(names.includes('e9999'))
  const shared = chain(6000)
  assert.ok(shared.missingFrom(names).length < 6000, 'a peer with the first 6 000 recognises some')
})

test('a parent that is not here is named as missing and is no head when it comes back', () => {
  const index = new LogIndex()
  index.add('child', ['lost'])
  assert.deepEqual(index.missing(10), ['lost'])
  index.add('lost', [])
  assert.deepEqual(index.missing(10), [])
  assert.deepEqual(index.heads(10), ['child'])
})

test('a lost entry that comes back is sent before its children, and with them counts as known', () => {
  const log = new LogIndex()
  log.add('a', [])
  log.add('d', ['c'])
  log.add('e', ['d'])
  log.add('c', ['b'])
  assert.deepEqual(log.missing(9), ['b'])
  log.add('b', ['a'])
  log.add('f', ['e'])
  assert.deepEqual(log.missing(9), [])
  assert.deepEqual(log.heads(9), ['f'])
  assert.deepEqual(log.missingFrom([]), ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual(log.missingFrom(['d']), ['e', 'f'])
  assert.deepEqual(log.missingFrom(['b']), ['c', 'd', 'e', 'f'])
})

test('what a sketch knows is not missing, nor what came before a place, though nothing links to it', () => {
  const log = new LogIndex()
  const mine = new LogIndex()
  for (let i = 0; i < 40; i += 1) {
    log.add(`e${i}`, [])
    if (i < 20) mine.add(`e${i}`, [])
  }
  const all = log.missingFrom([])
  assert.deepEqual(log.missingFrom([], { sketch: log.sketch() }), [])
  const missing = log.missingFrom([], { sketch: mine.sketch() })
  for (const name of all.slice(20)) assert.ok(missing.includes(name), name)
  assert.deepEqual(log.missingFrom([], { after: 'e29' }), all.slice(30))
  assert.deepEqual(log.missingFrom(['e35'], { after: 'e29' }).length, 9)
  assert.deepEqual(log.missingFrom([], { after: 'unknown' }), all)
})

test('an entry takes less than 150 bytes beside its name, which takes 64', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const count = 20_000
  const names = Array.from({ length: count }, (_, i) => String(i).padStart(49, 'z'))
  const index = new LogIndex()
  collect()
  const before = process.memoryUsage().heapUsed
  for (const [i, name] of names.entries()) index.add(name, names.slice(Math.max(0, i - 2), i))
  collect()
  const each = (process.memoryUsage().heapUsed - before) / count
  assert.equal(index.size, count)
  assert.ok(each < 150, `${each.toFixed(0)} bytes an entry`)
})
