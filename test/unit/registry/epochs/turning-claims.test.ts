import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TurningClaims } from '../../../../src/registry/epochs/turning-claims.ts'
import type { DatabaseName } from '../../../../src/registry/types.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { idsOf, judged } from '../judged.ts'

const foreignBefore = (turning: TurningClaims, epoch: number, database: DatabaseName) =>
  [...turning.foreignBefore(epoch, database)].filter((record) => record !== null)

function scene() {
  const clock = { now: () => 500, sleep: async () => {} }
  const view = new RecordView({ ownPeerId: 'own', ttlMs: 1000 }, { clock, lastSeenMs: () => null })
  return { view, turning: new TurningClaims(view.kept) }
}

test('what is ours and only in older logs is to be taken over, what is deleted is not', async () => {
  const { view, turning } = scene()
  view.apply('nodes', judged('own', 'old', 100, {}), 1)
  view.apply('nodes', judged('own', 'both', 100, {}), 1)
  view.apply('nodes', judged('own', 'both', 200, {}), 2)
  view.apply('nodes', judged('own', 'deleted', 100, {}), 1)
  view.apply('nodes', judged('own', 'deleted', 150, null), 1)
  view.apply('nodes', judged('B', 'foreign', 100, {}), 1)
  assert.deepEqual(idsOf(turning.ownBefore(2, 'nodes')), ['own/old'])
  assert.deepEqual(idsOf(foreignBefore(turning, 2, 'nodes')), ['B/foreign'])
  await view.closeEpoch(1)
  assert.deepEqual(turning.ownBefore(2, 'nodes'), [])
})

test('a claim of ours that another station may overtake in a new epoch is told with its first clock', async () => {
  const { view, turning } = scene()
  view.apply('nodes', judged('own', 'i', 100, {}), 1)
  view.apply('nodes', judged('own', 'i', 300, {}), 2)
  assert.deepEqual(turning.ownOvertaken(2, 'nodes'), [], 'nobody else claims it')
  view.apply('nodes', judged('thief', 'i', 200, {}), 2)
  assert.equal(view.get('nodes', 'i')?.author, 'own')
  const [overtaken] = turning.ownOvertaken(2, 'nodes')
  assert.equal(overtaken?.firstMs, 100)
  view.apply('nodes', judged('own', 'i', 100, {}), 2)
  assert.deepEqual(turning.ownOvertaken(2, 'nodes'), [], 'the new epoch has it as early')
  await view.closeEpoch(1)
  assert.equal(view.get('nodes', 'i')?.author, 'own')
})

test('an old statement that is carried into a new log keeps neither its author nor a carrier from the later one', () => {
  const { view, turning } = scene()
  for (const author of ['own', 'absent']) {
    view.apply('trust', judged(author, 'ing', 100, { version: 1 }), 1)
    view.apply('trust', judged(author, 'ing', 200, { version: 2 }), 1)
    view.apply('trust', judged(author, 'ing', 100, { version: 1 }), 2)
    assert.equal(view.isHeldSince(2, 'trust', 'ing', author), false)
  }
  assert.deepEqual(idsOf(turning.ownBefore(2, 'trust')), ['own/ing'])
  assert.deepEqual(idsOf(foreignBefore(turning, 2, 'trust')), ['absent/ing'])
  view.apply('trust', judged('own', 'ing', 300, { version: 2 }), 2)
  view.apply('trust', judged('absent', 'ing', 200, { version: 2 }), 2)
  assert.deepEqual(turning.ownBefore(2, 'trust'), [])
  assert.deepEqual(foreignBefore(turning, 2, 'trust'), [])
})

test('what is only offered is not there to be carried on, nor does it hide what a log says', async () => {
  const { view, turning } = scene()
  view.apply('trust', judged('A', 'i', 100, { versions: {} }), 1)
  const preview = view.preview('trust')
  preview.show(judged('A', 'i', 200, { versions: {} }))
  preview.show(judged('A', 'j', 200, { versions: {} }))
  const before = () => foreignBefore(turning, 2, 'trust').map(({ entryHash }) => entryHash)
  assert.deepEqual(before(), ['A/i@100'])
  view.apply('trust', judged('A', 'j', 200, { versions: {} }), 1)
  assert.deepEqual(before(), ['A/i@100', 'A/j@200'])
  await preview.close()
  assert.deepEqual(before(), ['A/i@100', 'A/j@200'])
})
