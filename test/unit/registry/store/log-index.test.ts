import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { LogIndex } from '../../../../src/registry/store/log-index.ts'
import { longestBlock } from '../../../support/event-loop.ts'

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

test('what an entry refers to is no head the less, and comes before it', () => {
  const log = new LogIndex()
  log.add('a', [])
  log.add('b', [], ['a'])
  assert.deepEqual(log.heads(9), ['b', 'a'])
  assert.deepEqual(log.headLinks(), [
    { hash: 'a', next: [] },
    { hash: 'b', next: [] },
  ])
  assert.deepEqual(log.missingFrom([]), ['a', 'b'])
})

test('a lost entry that others refer to is named, and is sent before them when it is back', () => {
  const log = new LogIndex()
  log.add('b', [], ['a'])
  log.add('c', ['b'], ['lost'])
  assert.deepEqual(log.missing(9), ['a', 'lost'])
  assert.equal(log.isMissing('a'), true)
  log.add('a', [])
  assert.deepEqual(log.missing(9), ['lost'])
  assert.deepEqual(log.heads(9), ['a', 'c'], 'no entry follows it')
  assert.deepEqual(log.headLinks()[0], { hash: 'c', next: ['b'] })
  assert.deepEqual(log.missingFrom([]), ['a', 'b', 'c'])
  log.add('lost', ['a'])
  assert.deepEqual(log.missingFrom([]), ['a', 'b', 'lost', 'c'])
  assert.deepEqual(log.heads(9), ['lost', 'c'])
})

test('what a sketch knows is not missing, nor what came before a place, though nothing links to it', () => {
  const log = new LogIndex()
  const mine = new LogIndex()
  const name = (i: number) => hashOf(Uint8Array.of(i))
  for (let i = 0; i < 40; i += 1) {
    log.add(name(i), [])
    if (i < 20) mine.add(name(i), [])
  }
  const all = log.missingFrom([])
  assert.deepEqual(log.missingFrom([], { sketch: log.sketch() }), [])
  const missing = log.missingFrom([], { sketch: mine.sketch() })
  for (const lacked of all.slice(20)) assert.ok(missing.includes(lacked), lacked)
  assert.deepEqual(log.missingFrom([], { after: name(29) }), all.slice(30))
  assert.deepEqual(log.missingFrom([name(35)], { after: name(29) }).length, 9)
  assert.deepEqual(log.missingFrom([], { after: name(99) }), all)
})

test('of what is lacking those that count are told, in this order, as many as are asked for', () => {
  const index = chain(4)
  for (const name of ['e0', 'e2', 'e3', 'unknown']) index.setCounting(name, true)
  index.setCounting('e0', false)
  const counting = (limit: number) => index.names(index.countingAmong(index.lacking([]), limit))
  assert.deepEqual(counting(9), ['e2', 'e3'])
  assert.deepEqual(counting(1), ['e2'])
  assert.deepEqual(counting(0), [])
})

test('who lacks all of a log of a hundred thousand, and who has all but one, are told so in a moment', async () => {
  const index = new LogIndex()
  const names = Array.from({ length: 100_000 }, (_, i) => hashOf(Buffer.from(String(i))))
  for (const [i, name] of names.entries()) {
    index.add(name, names.slice(Math.max(0, i - 1), i))
    index.setCounting(name, i % 2 === 0)
  }
  const other = new LogIndex()
  for (const name of names.slice(1)) other.add(name, [])
  const sketches = [other.sketch(), new LogIndex().sketch(), null]
  for (const sketch of sketches) {
    const block = await longestBlock(async () => {
      const lacking = index.lacking(names.slice(0, 1), { sketch })
      index.countingAmong(lacking, 10_000)
    })
    assert.ok(block < 25, `${block.toFixed(0)} ms`)
  }
  assert.ok((await longestBlock(async () => index.sketch())) < 15)
})

test('an entry takes less than 150 bytes beside its name, which takes 64', () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const count = 20_000
  const names = Array.from({ length: count }, (_, i) =>
    Buffer.from(String(i).padStart(49, 'z')).toString('latin1'),
  )
  const index = new LogIndex()
  const takenBytes = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  collect()
  const before = takenBytes()
  for (const [i, name] of names.entries()) index.add(name, names.slice(Math.max(0, i - 2), i))
  collect()
  const each = (takenBytes() - before) / count
  assert.equal(index.size, count)
  assert.ok(each < 150, `${each.toFixed(0)} bytes an entry`)
})
