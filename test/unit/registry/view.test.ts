import assert from 'node:assert/strict'
import { test } from 'node:test'

import { RecordView } from '../../../src/registry/view.ts'
import { claimsIn } from '../../support/claims-in.ts'
import { idsOf, judged } from './judged.ts'

const TTL_MS = 1000
let nowMs = 500

const newView = () =>
  new RecordView(
    { ownPeerId: 'own', ttlMs: TTL_MS },
    { clock: { now: () => nowMs, sleep: async () => {} }, lastSeenMs: () => null },
  )

const attestation = (manifest_hash: string, ingester_id: string) => ({ manifest_hash, ingester_id })

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
  assert.deepEqual(idsOf(claimsIn(view, 'attestations')), ['A/m:i'])
  assert.deepEqual(idsOf(view.attestationsOf('m')), ['A/m:i'])
  assert.deepEqual(view.attestationsOf('n'), [])
})
