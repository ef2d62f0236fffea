import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../src/identity/index.ts'
import { epochAt } from '../../../src/registry/epochs/calendar.ts'
import { logAddress } from '../../../src/registry/snapshot/log-name.ts'
import { encodeValue } from '../../../src/registry/store/entry-codec.ts'
import {
  acceptedLogs,
  type EntryCheck,
  LIMIT_ENTRIES,
  LIMIT_ENTRY_BYTES,
  openSignedEntry,
  readEntriesPage,
} from '../../../src/wire/signed-entries.ts'
import { type ForgeOptions, forgeEntry } from '../../support/registry.ts'

const NOW_MS = Date.now()
const CHECK: EntryCheck = {
  network: 'test',
  database: 'nodes',
  nowMs: NOW_MS,
  epochsBack: 2,
  sha256: async (bytes) => createHash('sha256').update(bytes).digest(),
  verify: async (peerId, bytes, signature) => verifySignature(peerId, bytes, signature),
}
const identity = await createEphemeralIdentity()
const other = await createEphemeralIdentity()
const logs = await acceptedLogs(CHECK)

function addressOf(epoch: number, network = 'test', database = 'nodes'): string {
  return logAddress(`${network}.${database}.v1.e${epoch}`)
}

function open(forge: Partial<ForgeOptions> = {}) {
  const { bytes } = forgeEntry({ identity, address: addressOf(epochAt(NOW_MS)), ...forge })
  return openSignedEntry(bytes, logs, CHECK)
}

test('an entry that its author signed says who wrote what, and when', async () => {
  const record = await open({ signed: { clock: { id: identity.peerId, time: NOW_MS } } })
  assert.deepEqual(record, {
    author: identity.peerId,
    localId: 'ingester-1',
    clockMs: NOW_MS,
    value: {
      ingester_id: 'ingester-1',
      node_name: 'forged',
      updated_at: '2026-01-01T00:00:00.000Z',
    },
  })
})

test('an entry ahead of the reader’s clock is its author’s word as well', async () => {
  const time = NOW_MS + 3_600_000
  assert.equal((await open({ signed: { clock: { id: identity.peerId, time } } }))?.clockMs, time)
})

test('a deletion says so', async () => {
  const payload = { op: 'DEL', key: `${identity.peerId}/x`, value: null }
  assert.equal((await open({ signed: { payload } }))?.value, null)
})

test('the logs are those that the registry writes, of this epoch, the next and some before', () => {
  const current = epochAt(NOW_MS)
  const epochs = [current + 1, current, current - 1, current - 2]
  assert.deepEqual(
    [...logs],
    epochs.map((epoch) => addressOf(epoch)),
  )
})

const key = `${identity.peerId}/x`
const put = { op: 'PUT', key, value: { ingester_id: 'x' } }
const REFUSED: Readonly<Record<string, Partial<ForgeOptions>>> = {
  'of another author than its signer': { unsigned: { key: other.peerId, identity: other.peerId } },
  'with two authors': { unsigned: { identity: other.peerId } },
  'whose value was changed': { unsigned: { payload: { ...put, value: { ingester_id: 'y' } } } },
  'whose clock was changed': { unsigned: { clock: { id: identity.peerId, time: NOW_MS - 1 } } },
  'with a field more': { unsigned: { extra: 1 } },
  'of another network': { address: addressOf(epochAt(NOW_MS), 'elsewhere') },
  'of another database': { address: addressOf(epochAt(NOW_MS), 'test', 'trust') },
  'of an epoch long ago': { address: addressOf(epochAt(NOW_MS) - 3) },
  'of another version': { signed: { v: 1 } },
  "under another author's key": { signed: { payload: { ...put, key: `${other.peerId}/x` } } },
  'under a key without a local id': { signed: { payload: { ...put, key: `${identity.peerId}/` } } },
  'whose local id could break a path': { signed: { payload: { ...put, key: `${key}/..` } } },
  'with an unknown operation': { signed: { payload: { ...put, op: 'ADD' } } },
  'that puts nothing': { signed: { payload: { ...put, value: null } } },
  'that deletes something': { signed: { payload: { ...put, op: 'DEL' } } },
  'whose payload has a field more': { signed: { payload: { ...put, extra: 1 } } },
  'without a time': { signed: { clock: { id: identity.peerId, time: 0 } } },
  "on another's clock": { signed: { clock: { id: other.peerId, time: NOW_MS } } },
  'with a signature in capitals': { unsigned: { sig: 'A'.repeat(128) } },
  'without a signature': { unsigned: { sig: '' } },
  'that is too large': { value: { ingester_id: 'x', node_name: 'n'.repeat(LIMIT_ENTRY_BYTES) } },
}

for (const [name, forge] of Object.entries(REFUSED)) {
  test(`an entry ${name} is refused`, async () => {
    assert.equal(await open(forge), null)
  })
}

test('other bytes for the same entry are refused, and so is what is no entry', async () => {
  const { bytes, fields } = forgeEntry({ identity, address: addressOf(epochAt(NOW_MS)) })
  assert.ok((await openSignedEntry(bytes, logs, CHECK)) !== null)
  // The map's head in two bytes instead of one.
  const longer = Buffer.concat([Uint8Array.of(0xb8, 9), bytes.subarray(1)])
  const parts = Object.entries(fields).flatMap((pair) => pair.map(encodeValue))
  const unsorted = Buffer.concat([Uint8Array.of(0xa9), ...parts])
  for (const wrong of [longer, unsorted, bytes.subarray(1), new Uint8Array(0), encodeValue([])]) {
    assert.equal(await openSignedEntry(wrong, logs, CHECK), null)
  }
})

test('a page is read in its one form', () => {
  const page = { network: 'test', database: 'nodes', entries: ['AA=='], next: 'x' }
  assert.deepEqual(readEntriesPage({ ...page, later: 1 }), page)
  assert.equal(readEntriesPage({ ...page, next: undefined })?.next, null)
  const wrong = [
    null,
    [],
    { ...page, network: 1 },
    { ...page, database: null },
    { ...page, entries: [1] },
    { ...page, entries: 'AA==' },
    { ...page, entries: new Array(LIMIT_ENTRIES + 1).fill('') },
    { ...page, next: 1 },
  ]
  for (const one of wrong) assert.equal(readEntriesPage(one), null)
})
