import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createTrustPolicy } from '../../../../src/registry/trust/policy.ts'
import type { TrustKeyVersion } from '../../../../src/registry/types.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { longestBlock } from '../../../support/event-loop.ts'
import { MovingClock } from '../../../support/moving-clock.ts'
import { judged } from '../judged.ts'
import { active, derivedId, keyNamed, SELF } from './stated.ts'

const WANTED_MS = 50

function openView() {
  const clock = new MovingClock(Date.UTC(2026, 0, 2))
  const view = new RecordView(
    { ownPeerId: SELF, ttlMs: 7 * 86_400_000 },
    { clock, lastSeenMs: () => null },
  )
  const policy = createTrustPolicy({ authorities: [], ownPeerId: SELF }, { view })
  let time = clock.now()
  const put = (database: 'nodes' | 'trust', author: number, localId: string, value: object) => {
    time += 1
    view.apply(database, judged(`12D3KooW${author}`, localId, time, value), 1)
  }
  return { view, policy, put }
}

/** Under twenty numbers, as large as an entry may be. */
function stated(ingesterId: string, key: TrustKeyVersion): object {
  const versions = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i + 1}`, key]))
  return { ingester_id: ingesterId, versions, updated_at: key.added }
}

test('a thousand stations that state keys of one ingester hold nobody up with one statement more', async () => {
  const { policy, put } = openView()
  const id = derivedId(keyNamed('k'))
  for (let author = 0; author < 1000; author += 1) put('trust', author, id, stated(id, active('k')))
  await policy.settle()
  put('trust', 7, id, stated(id, active('k', 2)))
  const blockedMs = await longestBlock(async () => policy.decide())
  assert.ok(blockedMs < WANTED_MS, `${blockedMs} ms`)
  const author = '12D3KooW7'
  const askedMs = await longestBlock(async () => {
    const about = policy.statementsAbout(id, author)
    assert.deepEqual(
      about.map(({ record }) => record.author),
      [author],
    )
  })
  assert.ok(askedMs < WANTED_MS, `${askedMs} ms`)
})

test('ingesters that many stations state keys of are judged some at a time', async () => {
  const { policy, put } = openView()
  const ids = Array.from({ length: 256 }, (_, i) => derivedId(keyNamed(`k-${i}`)))
  for (const [i, id] of ids.entries()) {
    for (let author = 0; author < 20; author += 1) {
      put('trust', author, id, stated(id, active(`k-${i}`)))
    }
  }
  const blockedMs = await longestBlock(() => policy.settle())
  assert.ok(blockedMs < WANTED_MS, `${blockedMs} ms`)
  assert.equal(policy.decide().localIds.length, 256)
})

test('eight thousand stations that register one node are looked at once, not once each', async () => {
  const { view, policy, put } = openView()
  put('trust', 0, 'node', stated('node', active('k')))
  await policy.settle()
  const before = view.revision('nodes')
  for (let author = 0; author < 8000; author += 1) put('nodes', author, 'node', { node_name: 'n' })
  const blockedMs = await longestBlock(async () => policy.decide())
  assert.ok(blockedMs < WANTED_MS, `${blockedMs} ms`)
  assert.deepEqual(view.changedSince('nodes', before), ['node'])
})
