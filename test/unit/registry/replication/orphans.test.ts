import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FIRST_BYTES, FIRST_LIMIT } from '../../../../src/registry/replication/log-transfer.ts'
import { OrphanPlaces, Orphans } from '../../../../src/registry/replication/orphans.ts'
import type { JudgedEntry } from '../../../../src/registry/store/entry-rules.ts'

function entry(hash: string, size = 1): JudgedEntry {
  return { entry: { hash }, bytes: new Uint8Array(size), localId: hash } as unknown as JudgedEntry
}

function createOrphans() {
  const shown: string[] = []
  const ended: string[] = []
  const orphans = new Orphans({
    preview: () => ({
      show: ({ localId }) => void shown.push(localId),
      close: async () => void ended.push('preview'),
    }),
    onClosed: () => void ended.push('place'),
  })
  return { orphans, shown, ended }
}

test('an entry waits for one parent after another, is shown once and then taken out', () => {
  const { orphans, shown } = createOrphans()
  assert.equal(orphans.add(entry('c'), 'a'), true)
  assert.equal(orphans.add(entry('c'), 'a'), true)
  assert.deepEqual(orphans.takeWaiting('x'), [])
  const [taken] = orphans.takeWaiting('a')
  assert.equal(orphans.size, 0)
  if (taken !== undefined) orphans.putBack(taken, 'b')
  assert.equal(orphans.size, 1)
  assert.deepEqual(orphans.takeWaiting('a'), [])
  assert.deepEqual(
    orphans.takeWaiting('b').map(({ localId }) => localId),
    ['c'],
  )
  assert.deepEqual(shown, ['c'])
})

test('there is room for so many entries and so many bytes, and again for what was taken out', () => {
  const many = createOrphans().orphans
  for (let i = 0; i < FIRST_LIMIT; i += 1) assert.ok(many.add(entry(`e-${i}`), `p-${i}`))
  assert.equal(many.add(entry('one more'), 'p'), false)
  many.takeWaiting('p-0')
  assert.equal(many.add(entry('one more'), 'p'), true)

  const { orphans, shown } = createOrphans()
  assert.ok(orphans.add(entry('large', FIRST_BYTES - 10), 'p'))
  assert.equal(orphans.add(entry('too large', 11), 'p'), false)
  assert.deepEqual(shown, ['large'], 'what has no place is not shown')
  orphans.takeWaiting('p')
  assert.ok(orphans.add(entry('too large', 11), 'p'))
})

test('with their end all is forgotten, the preview ends, and the place is free again, once', async () => {
  const { orphans, ended } = createOrphans()
  orphans.add(entry('c'), 'a')
  await Promise.all([orphans.close(), orphans.close()])
  assert.deepEqual(ended, ['place', 'preview'])
  assert.equal(orphans.size, 0)
  assert.equal(orphans.add(entry('d'), 'a'), false)
  orphans.putBack(entry('e'), 'a')
  assert.equal(orphans.size, 0)

  const places = new OrphanPlaces()
  assert.deepEqual([places.tryTake(), places.tryTake(), places.tryTake()], [true, true, false])
  places.free()
  assert.equal(places.tryTake(), true)
})

test('those that joined on another way, or could now, are not unresolved', () => {
  const { orphans } = createOrphans()
  orphans.add(entry('c'), 'a')
  orphans.add(entry('d'), 'b')
  const databaseWith = (has: readonly string[], missing: readonly string[]) => ({
    has: (hash: string) => has.includes(hash),
    missingParents: () => [...missing],
  })
  assert.equal(orphans.hasUnresolved(databaseWith([], ['a', 'b'])), true)
  assert.equal(orphans.hasUnresolved(databaseWith(['c'], ['b'])), true)
  assert.equal(orphans.hasUnresolved(databaseWith(['c', 'd'], ['b'])), false)
  assert.equal(orphans.hasUnresolved(databaseWith([], [])), false)
})
