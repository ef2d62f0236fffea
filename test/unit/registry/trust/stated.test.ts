import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Stated } from '../../../../src/registry/trust/stated.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { judged } from '../judged.ts'
import { active } from './stated.ts'

const clock = { now: () => 500, sleep: async () => {} }

function scene(many: number) {
  const view = new RecordView({ ownPeerId: 'own', ttlMs: 1000 }, { clock, lastSeenMs: () => null })
  const stated = new Stated({ many }, { view })
  const read = (localId: string, limit = Number.POSITIVE_INFINITY) =>
    stated.read(localId, null, limit).statements
  return { view, stated, read }
}

const keys = { ingester_id: 'i', versions: { 1: active('k') }, updated_at: '' }

test('of an ID that many claimed nothing is kept once nobody does, deleted claims included', async () => {
  const { view, stated, read } = scene(4)
  for (const author of ['A', 'B', 'C', 'D']) {
    view.apply('trust', judged(author, 'i', 1, keys), 1)
    view.apply('trust', judged(author, 'i', 2, null), 1)
  }
  assert.equal(read('i')?.size, 0)
  await view.closeEpoch(1)
  assert.deepEqual([...stated.localIds()], ['i'], 'it is to be looked at once more')
  read('i')
  assert.deepEqual([...stated.localIds()], [])
})

test('many claims are read some at a time, those that change meanwhile too', () => {
  const { view, stated, read } = scene(4)
  const put = (author: number, time: number) => {
    view.apply('trust', judged(`A${author}`, 'i', time, keys), 1)
    stated.note('i', [`A${author}`])
  }
  for (let author = 0; author < 1000; author += 1) put(author, 1)
  let reads = 1
  for (; read('i', 100) === null; reads += 1) put(reads, 2)
  assert.ok(reads > 9, `${reads} reads`)
  const statements = read('i')
  assert.equal(statements?.size, 1000)
  for (const author of [1, 2, 9]) assert.equal(statements?.by(`A${author}`)?.clockMs, 2)
  const revision = statements?.revision ?? 0
  assert.equal(stated.read('i', null, 100).cost, 0)
  assert.equal(statements?.revision, revision)
  put(7, 3)
  assert.equal(stated.read('i', null, 100).cost, 2, 'the one that changed, as it was and as it is')
  assert.equal(statements?.revision, revision + 1)
})
