import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../../src/identity/index.ts'
import { CarriedEntries } from '../../../../src/registry/epochs/carried-entries.ts'
import { OpenEpoch, type Shown } from '../../../../src/registry/epochs/open-epoch.ts'
import { carriedId } from '../../../../src/registry/records/carried.ts'
import { schemaOf } from '../../../../src/registry/records/index.ts'
import { logAddress } from '../../../../src/registry/snapshot/log-name.ts'
import { databaseName } from '../../../../src/registry/store/databases.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { judgeEntry } from '../../../../src/registry/store/entry-rules.ts'
import { RecordView } from '../../../../src/registry/view.ts'
import { forgeEntry } from '../../../support/registry.ts'

const trustLog = (epoch: number) => logAddress(databaseName('test', 'trust', epoch))

/** A revocation of the epoch before, in what carries it into this one. */
async function carriedInto(epoch: number) {
  const identity = await createEphemeralIdentity()
  const public_key = Buffer.alloc(32, 1).toString('base64')
  const key = { public_key, status: 'revoked', added: '2026-01-01T00:00:00Z' }
  const value = { ingester_id: 'i-1', versions: { 1: key }, updated_at: key.added }
  const before = { address: trustLog(epoch - 1), localId: 'i-1', value }
  const entry = forgeEntry({ identity, ...before }).bytes
  const hash = hashOf(entry)
  const record = { localId: carriedId(hash), value: { epoch: epoch - 1, entry } }
  const { bytes } = forgeEntry({ identity, address: trustLog(epoch), ...record })
  const rules = { address: trustLog(epoch), schema: schemaOf('trust'), verify: verifySignature }
  const judged = judgeEntry(bytes, { ...rules, nowMs: Date.now() })
  assert.ok(judged.isAccepted)
  return { judged, hash }
}

test('of an epoch whose logs are being deleted nothing is shown, and nothing is remembered', async () => {
  const { judged, hash } = await carriedInto(8)
  const take = (shown: Shown) => {
    const clock = { now: () => Date.now(), sleep: async () => {} }
    const options = { ownPeerId: 'own', ttlMs: 1000 }
    const view = new RecordView(options, { clock, lastSeenMs: () => null })
    const verify = verifySignature
    const carried = new CarriedEntries({ networkName: 'test' }, { verify, isSpeaker: () => false })
    const hooks = { onJoined: () => {}, onCurrent: () => {} }
    const open = new OpenEpoch(8, shown, { ownPeerId: 'own', view, carried, ...hooks })
    open.take('trust', judged, 'disk')
    return [view.counts().trust, carried.placeOf(hash)?.heldIn ?? null]
  }
  assert.deepEqual(take('own'), [1, 8])
  assert.deepEqual(take('nothing'), [0, null])
})
