import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createTrustPolicy } from '../../../../src/registry/trust/policy.ts'
import type { TrustKeyVersion } from '../../../../src/registry/types.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { longestBlock } from '../../../support/event-loop.ts'
import { MovingClock } from '../../../support/moving-clock.ts'
import { judged } from '../judged.ts'
import { active, derivedId, keyNamed, revoked, SELF } from './stated.ts'

const WANTED_MS = 50

function openView() {
  const clock = new MovingClock(Date.UTC(2026, 0, 2))
  const view = new RecordView(
    { ownPeerId: SELF, ttlMs: 7 * 86_400_000 },
    { clock, lastSeenMs: () => null },
  )
  const looks = { claims: 0, ids: 0 }
  const counted = function* (ids: Iterable<string>) {
    for (const id of ids) {
      looks.ids += 1
      yield id
    }
  }
  const counting = new Proxy(view, {
    get: (target, name: keyof RecordView) => {
      if (name === 'claimOf') looks.claims += 1
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args)
        if (name === 'localIds') return counted(result as Iterable<string>)
        if (name.endsWith('laims') && Array.isArray(result)) looks.claims += result.length
        return result
      }
    },
  })
  const policy = createTrustPolicy({ authorities: [], ownPeerId: SELF }, { view: counting })
  let time = clock.now()
  const put = (database: 'nodes' | 'trust', author: number, localId: string, value: object) => {
    time += 1
    view.apply(database, judged(`12D3KooW${author}`, localId, time, value), 1)
  }
  return { view, policy, put, looks }
}

/** Under twenty numbers, as large as an entry may be. */
function stated(ingesterId: string, key: TrustKeyVersion): object {
  const versions = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i + 1}`, key]))
  return { ingester_id: ingesterId, versions, updated_at: key.added }
}

test('of an ingester that fifty thousand stations state keys of, one statement more is looked at alone', async () => {
  const { policy, put, looks } = openView()
  const id = 'ingester'
  const one = (day: number) => ({
    ingester_id: id,
    versions: { 1: active('k', day), 2: revoked(`l-${day}`, day) },
    updated_at: '',
  })
  for (let author = 0; author < 50_000; author += 1) put('trust', author, id, one(1 + (author % 9)))
  policy.decide()
  assert.ok(looks.claims <= 4096, `${looks.claims} claims in one go`)
  await policy.settle()
  // Whose key was added first; of those of the first day the smallest by name.
  const steps = [
    { author: 7, day: 3, first: 0 },
    { author: 0, day: 9, first: 10_008 },
    { author: 7, day: -3, first: 7 },
    { author: 7, day: 5, first: 10_008 },
  ]
  for (const { author, day, first } of steps) {
    put('trust', author, id, one(day))
    looks.claims = 0
    const blockedMs = await longestBlock(async () => policy.decide())
    assert.ok(blockedMs < WANTED_MS, `${blockedMs} ms`)
    const about = [7, first].map((of) => policy.statementsAbout(id, `12D3KooW${of}`)[0])
    assert.ok(looks.claims < 10, `${looks.claims} claims`)
    assert.deepEqual(
      about.map((statement) => statement?.counts),
      [first === 7, true],
    )
  }
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

test('what changed in a way that is not told one by one is looked at some at a time', async () => {
  const { view, policy, put, looks } = openView()
  for (let i = 0; i < 20_000; i += 1) put('trust', i, `i-${i}`, stated(`i-${i}`, active('k')))
  await policy.settle()
  view.apply('trust', judged('gone', 'i-7', 1, stated('i-7', active('l', -9))), 0)
  await policy.settle()
  assert.deepEqual(policy.decide().keys.get('i-7')?.['1'], active('l', -9))
  await view.closeEpoch(0)
  looks.ids = 0
  policy.decide()
  assert.ok(looks.ids <= 4096, `${looks.ids} at once`)
  assert.equal(policy.statementsAbout('i-7').length, 1, 'of one ingester all is known at any time')
  assert.deepEqual(policy.decide().keys.get('i-7')?.['1'], active('k'))
})
