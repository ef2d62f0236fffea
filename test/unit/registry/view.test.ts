import assert from 'node:assert/strict'
import { test } from 'node:test'

import { KEYS_PER_AUTHOR } from '../../../src/registry/claims.ts'
import { carriedId } from '../../../src/registry/records/carried.ts'
import type { JudgedEntry } from '../../../src/registry/store/entry-rules.ts'
import type { RecordValue, RegistryRecord } from '../../../src/registry/types.ts'
import { RecordView } from '../../../src/registry/view.ts'

const TTL_MS = 1000
let nowMs = 500

const newView = () =>
  new RecordView(
    { ownPeerId: 'own', ttlMs: TTL_MS },
    { clock: { now: () => nowMs, sleep: async () => {} }, lastSeenMs: () => null },
  )

function judged(author: string, localId: string, time: number, value: object | null): JudgedEntry {
  const key = `${author}/${localId}`
  const record = value as RecordValue | null
  return {
    localId,
    bytes: new Uint8Array(),
    entry: {
      id: '/orbitdb/x',
      payload: { op: record === null ? 'DEL' : 'PUT', key, value: record },
      next: [],
      refs: [],
      clock: { id: author, time },
      v: 2,
      key: author,
      identity: author,
      sig: '',
      hash: `${key}@${time}`,
    },
  }
}

const attestation = (manifest_hash: string, ingester_id: string) => ({ manifest_hash, ingester_id })
const idsOf = (records: RegistryRecord[]) => records.map(({ key }) => key).sort()

test('a peer ID belongs to its peer, however early another station claimed it', () => {
  for (const order of [0, 1]) {
    const view = newView()
    const claims = [judged('thief', 'victim', 1, {}), judged('victim', 'victim', 400, {})]
    for (const claim of order === 0 ? claims : claims.toReversed()) view.apply('nodes', claim)
    assert.equal(view.get('nodes', 'victim')?.author, 'victim')
    assert.deepEqual(idsOf(view.list('nodes')), ['victim/victim'])
    assert.equal(view.claims('nodes', 'victim').length, 2)
    view.apply('nodes', judged('victim', 'victim', 450, null))
    assert.equal(view.get('nodes', 'victim')?.author, 'thief', 'a name that was given up is free')
  }
})

test('attestations of a manifest are found without the others, as the list shows them', () => {
  const view = newView()
  nowMs = 500
  const put = (author: string, hash: string, ingester: string, time: number) =>
    view.apply(
      'attestations',
      judged(author, `${hash},${ingester}`, time, attestation(hash, ingester)),
    )
  put('A', 'm', 'i-1', 100)
  put('B', 'm', 'i-1', 90)
  put('A', 'm', 'i-2', 300)
  put('A', 'n', 'i-1', 300)
  const ofManifest = (hash: string) => idsOf(view.attestationsOf(hash))
  assert.deepEqual(ofManifest('m'), ['A/m,i-2', 'B/m,i-1'])
  assert.deepEqual(ofManifest('n'), ['A/n,i-1'])
  assert.deepEqual(ofManifest('o'), [])

  view.apply('attestations', judged('A', 'm,i-2', 310, null))
  assert.deepEqual(ofManifest('m'), ['B/m,i-1'], 'one that was deleted is gone')
  nowMs = 1200
  assert.deepEqual(ofManifest('m'), [], 'one that expired is not listed')
  assert.deepEqual(ofManifest('n'), ['A/n,i-1'])
  assert.deepEqual(ofManifest('n'), idsOf(view.list('attestations')))
  view.clear()
  assert.deepEqual(ofManifest('n'), [])
})

test('of the logs of several epochs the latest entry of a key counts, and a closed one is forgotten', async () => {
  for (const isReversed of [false, true]) {
    const view = newView()
    nowMs = 500
    const entries = [
      [judged('A', 'i', 100, { version: 1 }), 1],
      [judged('A', 'i', 300, { version: 3 }), 2],
      [judged('A', 'i', 200, { version: 2 }), 1],
      [judged('A', 'only-old', 100, {}), 1],
    ] as const
    for (const [entry, epoch] of isReversed ? entries.toReversed() : entries) {
      view.apply('nodes', entry, epoch)
    }
    assert.deepEqual(view.get('nodes', 'i')?.value, { version: 3 })
    assert.equal(view.counts().nodes, 2)
    assert.equal(view.isHeldSince(2, 'nodes', 'i', 'A'), true)
    assert.equal(view.isHeldSince(2, 'nodes', 'only-old', 'A'), false)
    const before = view.revision('nodes')
    await view.closeEpoch(1)
    assert.deepEqual(idsOf(view.list('nodes')), ['A/i'])
    assert.ok(view.revision('nodes') > before)
    await view.closeEpoch(2)
    assert.equal(view.counts().nodes, 0)
  }
})

test('a tombstone hides a put in an older log, and goes with its epoch', async () => {
  const view = newView()
  nowMs = 500
  view.apply('nodes', judged('A', 'i', 200, null), 2)
  assert.equal(view.apply('nodes', judged('A', 'i', 100, {}), 1), null)
  assert.equal(view.get('nodes', 'i'), null)
  await view.closeEpoch(1)
  await view.closeEpoch(2)
  assert.ok(view.apply('nodes', judged('A', 'i', 100, {}), 3), 'nothing of it is left')
})

test('closing an epoch leaves the attestations of others to be found', async () => {
  const view = newView()
  nowMs = 500
  view.apply('attestations', judged('A', 'm,i', 100, attestation('m', 'i')), 1)
  view.apply('attestations', judged('A', 'n,i', 200, attestation('n', 'i')), 2)
  await view.closeEpoch(1)
  assert.deepEqual(idsOf(view.attestationsOf('m')), [])
  assert.deepEqual(idsOf(view.attestationsOf('n')), ['A/n,i'])
})

test('what is ours and only in older logs is to be taken over, what is deleted is not', async () => {
  const view = newView()
  nowMs = 500
  view.apply('nodes', judged('own', 'old', 100, {}), 1)
  view.apply('nodes', judged('own', 'both', 100, {}), 1)
  view.apply('nodes', judged('own', 'both', 200, {}), 2)
  view.apply('nodes', judged('own', 'deleted', 100, {}), 1)
  view.apply('nodes', judged('own', 'deleted', 150, null), 1)
  view.apply('nodes', judged('B', 'foreign', 100, {}), 1)
  assert.deepEqual(idsOf(view.ownBefore(2, 'nodes')), ['own/old'])
  assert.deepEqual(idsOf([...view.foreignBefore(2, 'nodes')]), ['B/foreign'])
  await view.closeEpoch(1)
  assert.deepEqual(view.ownBefore(2, 'nodes'), [])
})

test('a claim of ours that another station may overtake in a new epoch is told with its first clock', async () => {
  const view = newView()
  nowMs = 500
  view.apply('nodes', judged('own', 'i', 100, {}), 1)
  view.apply('nodes', judged('own', 'i', 300, {}), 2)
  assert.deepEqual(view.ownOvertaken(2, 'nodes'), [], 'nobody else claims it')
  view.apply('nodes', judged('thief', 'i', 200, {}), 2)
  assert.equal(view.get('nodes', 'i')?.author, 'own')
  const [overtaken] = view.ownOvertaken(2, 'nodes')
  assert.equal(overtaken?.firstMs, 100)
  view.apply('nodes', judged('own', 'i', 100, {}), 2)
  assert.deepEqual(view.ownOvertaken(2, 'nodes'), [], 'the new epoch has it as early')
  await view.closeEpoch(1)
  assert.equal(view.get('nodes', 'i')?.author, 'own')
})

test('an entry is shown before it joins, makes nothing current, and is taken back when it never does', async () => {
  const view = newView()
  nowMs = 500
  view.apply('nodes', judged('A', 'i', 100, { version: 1 }), 1)
  const preview = view.preview('nodes')
  preview.show(judged('A', 'i', 200, { version: 2 }))
  preview.show(judged('A', 'j', 200, {}))
  preview.show(judged('own', 'k', 200, {}))
  assert.deepEqual(view.get('nodes', 'i')?.value, { version: 2 })
  assert.deepEqual(idsOf(view.list('nodes')), ['A/i', 'A/j'], 'ours is shown once it is in a log')
  assert.equal(view.isHeldSince(0, 'nodes', 'j', 'A'), false, 'no log holds it')

  const joined = view.apply('nodes', judged('A', 'j', 200, {}), 1)
  assert.equal(joined?.key, 'A/j', 'it becomes current when it joins')
  assert.equal(view.apply('nodes', judged('A', 'j', 200, {}), 1), null, 'and once')
  const before = view.revision('nodes')
  await preview.close()
  assert.ok(view.revision('nodes') > before)
  assert.deepEqual(view.get('nodes', 'i')?.value, { version: 1 })
  assert.deepEqual(idsOf(view.list('nodes')), ['A/i', 'A/j'])
  preview.show(judged('A', 'l', 300, {}))
  assert.equal(view.get('nodes', 'l'), null, 'nothing is shown once it has ended')
})

test('two previews of one entry end each by itself, and a delete that is only offered hides no record for good', async () => {
  const view = newView()
  nowMs = 500
  view.apply('nodes', judged('A', 'i', 100, {}), 1)
  const [one, two] = [view.preview('nodes'), view.preview('nodes')]
  for (const preview of [one, two]) preview.show(judged('A', 'i', 200, null))
  assert.equal(view.get('nodes', 'i'), null)
  await one.close()
  assert.equal(view.get('nodes', 'i'), null)
  await two.close()
  assert.ok(view.get('nodes', 'i'))
})

test('an attestation that was only offered is not found any more', async () => {
  const view = newView()
  nowMs = 500
  const preview = view.preview('attestations')
  preview.show(judged('A', 'm:i', 100, attestation('m', 'i')))
  assert.deepEqual(idsOf(view.attestationsOf('m')), ['A/m:i'])
  await preview.close()
  assert.deepEqual(idsOf(view.attestationsOf('m')), [])
})

test('an old statement that is carried into a later log goes after what its author wrote later', async () => {
  for (const isReversed of [false, true]) {
    const view = newView()
    nowMs = 500
    const entries = [
      [judged('A', 'ing', 200, { version: 2 }), 1],
      [judged('A', 'ing', 100, { version: 1 }), 2],
    ] as const
    for (const [entry, epoch] of isReversed ? entries.toReversed() : entries) {
      view.apply('trust', entry, epoch)
    }
    assert.deepEqual(view.get('trust', 'ing')?.value, { version: 2 })
    const before = view.revision('trust')
    view.apply('trust', judged('A', 'ing', 200, { version: 2 }), 2)
    assert.ok(view.revision('trust') > before, 'that it was carried is a change')
    await view.closeEpoch(1)
    assert.deepEqual(view.get('trust', 'ing')?.value, { version: 2 })
  }
})

test('an old statement that is carried into a new log keeps neither its author nor a carrier from the later one', () => {
  const view = newView()
  nowMs = 500
  for (const author of ['own', 'absent']) {
    view.apply('trust', judged(author, 'ing', 100, { version: 1 }), 1)
    view.apply('trust', judged(author, 'ing', 200, { version: 2 }), 1)
    view.apply('trust', judged(author, 'ing', 100, { version: 1 }), 2)
    assert.equal(view.isHeldSince(2, 'trust', 'ing', author), false)
  }
  assert.deepEqual(idsOf(view.ownBefore(2, 'trust')), ['own/ing'])
  assert.deepEqual(idsOf([...view.foreignBefore(2, 'trust')]), ['absent/ing'])
  view.apply('trust', judged('own', 'ing', 300, { version: 2 }), 2)
  view.apply('trust', judged('absent', 'ing', 200, { version: 2 }), 2)
  assert.deepEqual(view.ownBefore(2, 'trust'), [])
  assert.deepEqual([...view.foreignBefore(2, 'trust')], [])
})

test('what is only offered is not there to be carried on, nor does it hide what a log says', async () => {
  const view = newView()
  view.apply('trust', judged('A', 'i', 100, { versions: {} }), 1)
  const preview = view.preview('trust')
  preview.show(judged('A', 'i', 200, { versions: {} }))
  preview.show(judged('A', 'j', 200, { versions: {} }))
  const before = () => [...view.foreignBefore(2, 'trust')].map(({ entryHash }) => entryHash)
  assert.deepEqual(before(), ['A/i@100'])
  view.apply('trust', judged('A', 'j', 200, { versions: {} }), 1)
  assert.deepEqual(before(), ['A/i@100', 'A/j@200'])
  await preview.close()
  assert.deepEqual(before(), ['A/i@100', 'A/j@200'])
})

test('the end of a preview tells which records changed, and costs nothing for all others', async () => {
  const view = newView()
  view.apply('attestations', judged('A', 'm:i', 100, attestation('m', 'i')), 1)
  const preview = view.preview('attestations')
  preview.show(judged('A', 'n:i', 100, attestation('n', 'i')))
  preview.show(judged('B', 'm:i', 100, attestation('m', 'i')))
  preview.show(judged('B', 'n:i', 200, null))
  const before = view.revision('attestations')
  await preview.close()
  assert.deepEqual(view.changedSince('attestations', before), ['n:i', 'm:i'])
  assert.deepEqual(idsOf(view.allClaims('attestations')), ['A/m:i'])
  assert.deepEqual(idsOf(view.attestationsOf('m')), ['A/m:i'])
  assert.deepEqual(view.attestationsOf('n'), [])
})

test('no preview shows what another station carried, nor more keys of an author than are kept', async () => {
  const view = newView()
  const preview = view.preview('trust')
  preview.show(judged('A', carriedId('x'), 100, { epoch: 1, entry: new Uint8Array() }))
  assert.deepEqual(view.allClaims('trust'), [])
  const full = view.preview('nodes')
  for (let i = 0; i < KEYS_PER_AUTHOR - 1; i += 1) view.apply('nodes', judged('A', `i-${i}`, 1, {}))
  full.show(judged('A', 'fits', 1, {}))
  assert.equal(view.claims('nodes', 'fits').length, 1)
  view.apply('nodes', judged('A', `i-last`, 1, {}))
  full.show(judged('A', 'is one more', 1, {}))
  full.show(judged('B', 'other', 1, {}))
  assert.deepEqual(view.claims('nodes', 'is one more'), [])
  assert.equal(view.claims('nodes', 'other').length, 1)
  await Promise.all([preview.close(), full.close()])
})
