import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { RegistryError } from '../../../../src/registry/index.ts'
import { attestationSchema } from '../../../../src/registry/records/attestation.ts'
import { nodeSchema } from '../../../../src/registry/records/node.ts'
import { storeSchema } from '../../../../src/registry/records/store.ts'
import { prepareTrust, trustSchema } from '../../../../src/registry/records/trust.ts'

const NOW = '2026-03-01T12:00:00.000Z'
const KEY = Buffer.alloc(32, 7).toString('base64')

const node = (over: object = {}) => ({ ingester_id: 'i-1', updated_at: NOW, ...over })
const store = (over: object = {}) => ({
  store_id: 's-1',
  store_scope: ['nz/akl'],
  guardian_scope: [],
  updated_at: NOW,
  ...over,
})
const trust = (over: object = {}, version: object = {}) => ({
  ingester_id: 'i-1',
  versions: { 1: { public_key: KEY, status: 'active', added: NOW, ...version } },
  updated_at: NOW,
  ...over,
})
const attestation = (over: object = {}) => ({
  manifest_hash: 'abc',
  ingester_id: 'i-1',
  signature: 'c2ln',
  iroh_blake3_hash: 'def',
  path: 'nz/akl/2026',
  attested_at: NOW,
  ...over,
})

const namesField = (field: string) => (error: RegistryError) => {
  assert.equal(error.code, 'INVALID_RECORD')
  assert.equal(error.facts.field, field)
  return true
}

describe('a record with one bad field is refused by that field', () => {
  const long = (chars: number) => 'x'.repeat(chars)
  const deep = { a: { a: { a: { a: {} } } } }
  const nodes: [string, object, string][] = [
    ['an id that is not the path', { ingester_id: 'i-2' }, 'ingester_id'],
    ['an id of 257 characters', { ingester_id: long(257) }, 'ingester_id'],
    ['an id of __proto__', { ingester_id: '__proto__' }, 'ingester_id'],
    ['no time', { updated_at: undefined }, 'updated_at'],
    ['a time without zone', { updated_at: '2026-03-01T12:00:00' }, 'updated_at'],
    ['a time in month 13', { updated_at: '2026-13-01T12:00:00Z' }, 'updated_at'],
    ['a string of 4 097 characters', { node_name: long(4097) }, 'node_name'],
    ['a lone surrogate', { node_name: '\ud800' }, 'node_name'],
    ['an object for a string', { version: {} }, 'version'],
    ['infinity', { uptime: Number.POSITIVE_INFINITY }, 'uptime'],
    ['an integer past 2^53', { uptime: 2 ** 53 }, 'uptime'],
    ['a string for a list', { regions: 'nz' }, 'regions'],
    ['51 scopes', { store_scope: new Array(51).fill('nz') }, 'store_scope'],
    ['a scope of 65 characters', { guardian_scope: [long(65)] }, 'guardian_scope[0]'],
    ['a number in a list', { regions: ['nz', 1] }, 'regions[1]'],
    ['deep nesting', { capabilities: deep }, 'capabilities'],
    ['101 values', { capabilities: new Array(101).fill(1) }, 'capabilities'],
    ['a date object', { capabilities: [new Date()] }, 'capabilities'],
    ['bytes', { source: new Uint8Array(3) }, 'source'],
  ]
  for (const [what, over, field] of nodes) {
    test(`node: ${what}`, () => {
      assert.throws(() => nodeSchema.parse(node(over), 'i-1'), namesField(field))
    })
  }

  const versions = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        i,
        { public_key: KEY, status: 'active', added: NOW },
      ]),
    )
  const trusts: [string, object, object, string][] = [
    ['no versions', { versions: undefined }, {}, 'versions'],
    ['an empty set of versions', { versions: {} }, {}, 'versions'],
    ['21 versions', { versions: versions(21) }, {}, 'versions'],
    ['a version that is no number', { versions: { x: {} } }, {}, 'versions.x'],
    [
      'a key of 31 bytes',
      {},
      { public_key: Buffer.alloc(31).toString('base64') },
      'versions.1.public_key',
    ],
    ['a key of 513 characters', {}, { public_key: long(513) }, 'versions.1.public_key'],
    [
      'a key in base64url',
      {},
      { public_key: Buffer.alloc(32, 255).toString('base64url') },
      'versions.1.public_key',
    ],
    ['an unknown status', {}, { status: 'maybe' }, 'versions.1.status'],
    ['no time of adding', {}, { added: undefined }, 'versions.1.added'],
    ['a bad time of revocation', {}, { revoked_at: 'yesterday' }, 'versions.1.revoked_at'],
  ]
  for (const [what, over, version, field] of trusts) {
    test(`trust: ${what}`, () => {
      assert.throws(() => trustSchema.parse(trust(over, version), 'i-1'), namesField(field))
    })
  }

  const stores: [string, object, string][] = [
    ['an id that is not the path', { store_id: 's-2' }, 'store_id'],
    ['no scope', { store_scope: undefined }, 'store_scope'],
    ['a scope that is null', { guardian_scope: null }, 'guardian_scope'],
    ['a list for a count', { blob_count: [] }, 'blob_count'],
  ]
  for (const [what, over, field] of stores) {
    test(`store: ${what}`, () => {
      assert.throws(() => storeSchema.parse(store(over), 's-1'), namesField(field))
    })
  }

  const attestations: [string, object, string][] = [
    ['another manifest', { manifest_hash: 'abd' }, 'manifest_hash'],
    ['a manifest with a slash', { manifest_hash: 'a/c' }, 'manifest_hash'],
    ['a manifest with a comma', { manifest_hash: 'a,c' }, 'manifest_hash'],
    ['no signature', { signature: undefined }, 'signature'],
    ['an empty signature', { signature: '' }, 'signature'],
    ['a path that is a number', { path: 3 }, 'path'],
  ]
  for (const [what, over, field] of attestations) {
    test(`attestation: ${what}`, () => {
      const parse = () => attestationSchema.parse(attestation(over), 'abc,i-1')
      assert.throws(parse, namesField(field))
    })
  }

  for (const raw of [null, undefined, 'text', 7, [], new Date()]) {
    test(`anything but an object: ${String(raw)}`, () => {
      assert.throws(() => nodeSchema.parse(raw, 'i-1'), namesField('record'))
      assert.throws(() => nodeSchema.prepare(raw, { localId: 'i-1', now: NOW, current: null }))
    })
  }
})

describe('a complete record', () => {
  test('parses to itself with nothing ignored', () => {
    const full = node({
      node_name: 'kitchen',
      regions: ['nz', 'au'],
      uptime: 12.5,
      zenoh_proxy: null,
      announce_address: ['a.example.org', 'b.example.org'],
      capabilities: { relay: true, tags: ['x'] },
    })
    assert.deepEqual(nodeSchema.parse(full, 'i-1'), { value: full, ignored: [] })
    assert.deepEqual(storeSchema.parse(store(), 's-1').value, store())
    assert.deepEqual(trustSchema.parse(trust(), 'i-1').value, trust())
    assert.deepEqual(attestationSchema.parse(attestation(), 'abc,i-1').value, attestation())
  })

  test('names fields that are not part of it, at most 32 of them', () => {
    const extra = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`extra${i}`, i]))
    const { value, ignored } = nodeSchema.parse(node({ ...extra, constructor: 1 }), 'i-1')
    assert.equal(ignored.length, 32)
    assert.deepEqual(value, node())
    assert.deepEqual(trustSchema.parse(trust({ why: 1 }, { more: 2 }), 'i-1').ignored, [
      'why',
      'more',
    ])
  })

  test('does not take a field named __proto__ for anything', () => {
    const raw: unknown = JSON.parse(
      `{"ingester_id":"i-1","updated_at":"${NOW}","__proto__":{"a":1}}`,
    )
    const { value, ignored } = nodeSchema.parse(raw, 'i-1')
    assert.deepEqual(ignored, ['__proto__'])
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
  })
})

describe('what a caller writes', () => {
  const context = { localId: 'i-1', now: NOW, current: null }

  test('is accepted with the fields that it read back from us', () => {
    const raw = {
      _id: 'i-1',
      ingester_id: 'i-1',
      updated_at: '2020-01-01T00:00:00Z',
      node_name: 'n',
    }
    const { value, ignored } = nodeSchema.prepare(raw, context)
    assert.deepEqual(value, node({ node_name: 'n' }))
    assert.deepEqual(ignored, [])
  })

  test('is named by the path: another id in the body is reported as ignored', () => {
    const { value, ignored } = nodeSchema.prepare({ ingester_id: 'i-9' }, context)
    assert.equal(value.ingester_id, 'i-1')
    assert.deepEqual(ignored, ['ingester_id'])
  })

  test('gets empty scopes where a store names none', () => {
    const { value } = storeSchema.prepare({}, { ...context, localId: 's-1' })
    assert.deepEqual(value.store_scope, [])
    assert.deepEqual(value.guardian_scope, [])
  })

  test('states one key version, and the next is added beside it', () => {
    const first = prepareTrust({ public_key: KEY, key_version: 1, status: 'active' }, context)
    assert.deepEqual(Object.keys(first.value.versions), ['1'])
    const other = Buffer.alloc(32, 9).toString('base64')
    const second = prepareTrust(
      { public_key: other, key_version: 2 },
      { ...context, now: '2026-03-02T12:00:00.000Z', current: first.value },
    )
    assert.equal(second.value.versions['1']?.added, NOW)
    assert.equal(second.value.versions['2']?.public_key, other)
  })

  test('states one more key beside the versions that were read, and nothing is dropped unsaid', () => {
    const current = prepareTrust({ public_key: KEY }, context).value
    const other = Buffer.alloc(32, 9).toString('base64')
    const body = { ...current, _id: 'i-1', public_key: other, key_version: 2, status: 'active' }
    const { value, ignored } = prepareTrust(body, { ...context, current })
    assert.deepEqual(Object.keys(value.versions), ['1', '2'])
    assert.equal(value.versions['2']?.public_key, other)
    assert.deepEqual(ignored, [])
    const odd = {
      versions: { 1: { public_key: KEY, status: 'active', note: 1 } },
      status: 'revoked',
    }
    assert.deepEqual(prepareTrust(odd, context).ignored, ['status', 'versions.1.note'])
  })

  test('does not make an active key one that was revoked at some time', () => {
    const key = { public_key: KEY, status: 'active', added: NOW, revoked_at: NOW }
    const { value } = prepareTrust({ versions: { 1: key } }, context)
    assert.deepEqual(value.versions['1'], { public_key: KEY, status: 'active', added: NOW })
    const revoked = { public_key: KEY, status: 'revoked', added: NOW, revoked_at: NOW }
    const { value: kept } = prepareTrust({ versions: { 1: revoked } }, context)
    assert.deepEqual(kept.versions['1'], revoked)
  })

  test('names the field of a bad key statement', () => {
    const prepare = (body: object) => () => prepareTrust(body, context)
    assert.throws(prepare({}), namesField('public_key'))
    assert.throws(prepare({ public_key: KEY, key_version: -1 }), namesField('key_version'))
    assert.throws(prepare({ public_key: KEY, key_version: [] }), namesField('key_version'))
    assert.throws(prepare({ public_key: KEY, status: 'x' }), namesField('status'))
    assert.throws(prepare({ versions: { 1: null } }), namesField('versions.1'))
  })
})
