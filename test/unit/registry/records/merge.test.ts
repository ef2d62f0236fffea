import assert from 'node:assert/strict'
import { test } from 'node:test'

import type {
  AttestationRecord,
  RegistryRecord,
  TrustKeyVersion,
} from '../../../../src/registry/index.ts'
import { attestersOf, mergeKeyVersions, revokeAll } from '../../../../src/registry/records/merge.ts'

const key = (over: Partial<TrustKeyVersion> = {}): TrustKeyVersion => ({
  public_key: 'A',
  status: 'active',
  added: 'day 1',
  ...over,
})

test('a key that is stated again keeps the time it was added', () => {
  const merged = mergeKeyVersions({ 1: key() }, { 1: key({ added: 'day 2' }) })
  assert.equal(merged['1']?.added, 'day 1')
})

test('a revocation is final: stating the key as active again changes nothing', () => {
  const revoked = key({ status: 'revoked', revoked_at: 'day 2' })
  assert.deepEqual(mergeKeyVersions({ 1: revoked }, { 1: key() }), { 1: revoked })
})

test('a revoked version does not get another key', () => {
  const revoked = key({ status: 'revoked', revoked_at: 'day 2' })
  assert.throws(() => mergeKeyVersions({ 1: revoked }, { 1: key({ public_key: 'B' }) }), {
    code: 'INVALID_RECORD',
    field: 'versions.1',
  })
})

test('revoking all keeps the time of an earlier revocation', () => {
  const earlier = key({ status: 'revoked', revoked_at: 'day 2' })
  const merged = revokeAll({ 1: earlier, 2: key() }, 'day 3')
  assert.equal(merged['1']?.revoked_at, 'day 2')
  assert.deepEqual(merged['2'], key({ status: 'revoked', revoked_at: 'day 3' }))
})

test('an attester counts once for a manifest, whoever carries its word', () => {
  const record = (author: string, ingester: string, hash: string) =>
    ({
      author,
      value: { manifest_hash: hash, ingester_id: ingester },
    }) as RegistryRecord<AttestationRecord>
  const records = [
    record('A', 'i-2', 'm'),
    record('B', 'i-2', 'm'),
    record('A', 'i-1', 'm'),
    record('A', 'i-3', 'n'),
  ]
  assert.deepEqual(attestersOf(records, 'm'), ['i-1', 'i-2'])
})
