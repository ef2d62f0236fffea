import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { TrustKeyVersion } from '../../../../src/registry/index.ts'
import { mergeKeyVersions, revokeAll } from '../../../../src/registry/records/merge.ts'

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

for (const before of [key(), key({ status: 'revoked', revoked_at: 'day 2' })]) {
  test(`a version that is ${before.status} does not get another key, in whatever state`, () => {
    for (const status of ['active', 'revoked'] as const) {
      const stated = { 1: key({ public_key: 'B', status }) }
      assert.throws(() => mergeKeyVersions({ 1: before }, stated), {
        code: 'INVALID_RECORD',
        facts: { field: 'versions.1' },
      })
    }
  })
}

test('an active key can be revoked by stating it again, and another added beside it', () => {
  const stated = { 1: key({ status: 'revoked', revoked_at: 'day 2' }), 2: key({ public_key: 'B' }) }
  assert.deepEqual(mergeKeyVersions({ 1: key() }, stated), stated)
})

test('revoking all keeps the time of an earlier revocation', () => {
  const earlier = key({ status: 'revoked', revoked_at: 'day 2' })
  const merged = revokeAll({ 1: earlier, 2: key() }, 'day 3')
  assert.equal(merged['1']?.revoked_at, 'day 2')
  assert.deepEqual(merged['2'], key({ status: 'revoked', revoked_at: 'day 3' }))
})

test('a revoked key does not come back under another number', () => {
  const revoked = key({ status: 'revoked', revoked_at: 'day 2' })
  assert.throws(() => mergeKeyVersions({ 1: revoked }, { 2: key({ added: 'day 3' }) }), {
    code: 'INVALID_RECORD',
    facts: { field: 'versions.2' },
  })
  assert.throws(() => mergeKeyVersions({ 1: key() }, { 1: revoked, 2: key() }), {
    code: 'INVALID_RECORD',
  })
  const both = mergeKeyVersions({ 1: key(), 2: key() }, { 1: revoked })
  assert.equal(both['2']?.status, 'active', 'what was stated before can be revoked one by one')
})
