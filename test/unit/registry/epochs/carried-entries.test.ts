import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../../src/identity/index.ts'
import { CarriedEntries, carriedIn } from '../../../../src/registry/epochs/carried-entries.ts'
import { carriedId } from '../../../../src/registry/records/carried.ts'
import { schemaOf } from '../../../../src/registry/records/index.ts'
import { logAddress } from '../../../../src/registry/snapshot/log-name.ts'
import { databaseName } from '../../../../src/registry/store/databases.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { type JudgedEntry, judgeEntry } from '../../../../src/registry/store/entry-rules.ts'
import { forgeEntry } from '../../../support/registry.ts'

const author = await createEphemeralIdentity()
const carrier = await createEphemeralIdentity()
const WRITTEN_MS = Date.UTC(2026, 0, 10)
const CARRIED_MS = WRITTEN_MS + 14 * 86_400_000

const trustLog = (epoch: number, network = 'test') =>
  logAddress(databaseName(network, 'trust', epoch))

const statement = (status: 'active' | 'revoked') => ({
  ingester_id: 'ingester-1',
  versions: {
    1: {
      public_key: Buffer.alloc(32, 1).toString('base64'),
      status,
      added: '2026-01-01T00:00:00Z',
    },
  },
  updated_at: '2026-01-01T00:00:00Z',
})

interface RevocationParts {
  readonly address?: string
  readonly value?: unknown
  readonly clockMs?: number
  readonly unsigned?: Readonly<Record<string, unknown>>
}

/** A revocation that its author wrote in epoch 7; each case changes one part. */
function revocation(parts: RevocationParts = {}): Uint8Array {
  return forgeEntry({
    identity: author,
    address: parts.address ?? trustLog(7),
    value: parts.value ?? statement('revoked'),
    signed: { clock: { id: author.peerId, time: parts.clockMs ?? WRITTEN_MS } },
    unsigned: parts.unsigned ?? {},
  }).bytes
}

/** The carrier's entry in epoch 8, as it is in the log; null when the rules refuse it. */
function carried(entry: Uint8Array, epoch: unknown = 7, localId?: string): JudgedEntry | null {
  const { bytes } = forgeEntry({
    identity: carrier,
    address: trustLog(8),
    localId: localId ?? carriedId(hashOf(entry)),
    value: { epoch, entry },
    signed: { clock: { id: carrier.peerId, time: CARRIED_MS } },
  })
  const verdict = judgeEntry(bytes, {
    address: trustLog(8),
    schema: schemaOf('trust'),
    nowMs: CARRIED_MS,
    verify: verifySignature,
  })
  return verdict.isAccepted ? verdict : null
}

const newCarried = () =>
  new CarriedEntries({ networkName: 'test' }, { verify: verifySignature, isSpeaker: () => false })

function opened(entry: JudgedEntry | null): JudgedEntry | null {
  assert.ok(entry, 'the entry rules let the carrier write it')
  return newCarried().open(entry, 8)
}

test('a carried revocation is opened as the word of its author', () => {
  const bytes = revocation()
  const judged = opened(carried(bytes))
  assert.equal(judged?.entry.key, author.peerId)
  assert.equal(judged?.localId, 'ingester-1')
  assert.equal(judged?.entry.hash, hashOf(bytes))
  assert.equal(judged?.entry.clock.time, WRITTEN_MS)
})

const WORTHLESS: readonly (readonly [string, () => JudgedEntry | null])[] = [
  ['no revocation', () => carried(revocation({ value: statement('active') }))],
  ['not signed by its author', () => carried(revocation({ unsigned: { sig: '0'.repeat(128) } }))],
  [
    'changed after it was signed',
    () => carried(revocation({ unsigned: { next: [hashOf(revocation())] } })),
  ],
  ['of another epoch than is said', () => carried(revocation(), 6)],
  ['of the epoch that carries it', () => carried(revocation({ address: trustLog(8) }), 8)],
  ['of another network', () => carried(revocation({ address: trustLog(7, 'other') }))],
  [
    'of another database',
    () => carried(revocation({ address: logAddress(databaseName('test', 'nodes', 7)) })),
  ],
  ['written after it was carried', () => carried(revocation({ clockMs: CARRIED_MS + 1 }))],
  ['named as another entry', () => carried(revocation(), 7, carriedId(hashOf(Uint8Array.of(1))))],
  ['no entry at all', () => carried(Uint8Array.of(1, 2, 3))],
]
for (const [what, make] of WORTHLESS) {
  test(`what is carried and ${what} counts as nothing`, () => {
    assert.equal(opened(make()), null)
  })
}

test('the entry rules refuse what has not the shape of a carried entry', () => {
  assert.equal(carried(new Uint8Array(7 * 1024 + 1)), null)
  assert.equal(carried(new Uint8Array(0)), null)
  for (const epoch of [-1, 1.5, '7', null]) assert.equal(carried(revocation(), epoch), null)
})

test('no statement about an ingester can have the id of a carried entry', () => {
  const localId = 'carried:x'
  const value = { ...statement('active'), ingester_id: localId }
  assert.throws(() => schemaOf('trust').parse(value, localId), { code: 'INVALID_RECORD' })
  const context = { localId, now: '2026-01-01T00:00:00Z', current: null }
  const raw = { public_key: Buffer.alloc(32, 1).toString('base64') }
  assert.throws(() => schemaOf('trust').prepare(raw, context), { code: 'INVALID_RECORD' })
})

test('a carried entry can be found again while its epoch is open, and read from its block', () => {
  const entries = newCarried()
  const bytes = revocation()
  const record = carried(bytes)
  assert.ok(record)
  entries.open(record, 8)
  assert.deepEqual(entries.placeOf(hashOf(bytes)), {
    author: author.peerId,
    localId: 'ingester-1',
    heldIn: 8,
    carrierHash: record.entry.hash,
  })
  assert.deepEqual([...entries.authorsIn(8)], [[author.peerId, 1]])
  assert.deepEqual(carriedIn(record.bytes)?.entry, bytes)
  assert.equal(carriedIn(bytes), null)
  entries.closeEpoch(8)
  assert.equal(entries.placeOf(hashOf(bytes)), null)
})

test('entries that say the same again count once against what is carried of an author', () => {
  const entries = newCarried()
  for (let i = 0; i < 80; i += 1) {
    const record = carried(revocation({ clockMs: WRITTEN_MS - i }))
    assert.ok(record)
    entries.open(record, 8)
  }
  assert.deepEqual([...entries.authorsIn(8)], [[author.peerId, 1]])
})
