import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createEphemeralIdentity, verifySignature } from '../../../../src/identity/index.ts'
import { nodeSchema } from '../../../../src/registry/records/node.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { judgeEntry } from '../../../../src/registry/store/entry-rules.ts'
import { type ForgeOptions, forgeEntry } from '../../../support/registry.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const identity = await createEphemeralIdentity()
const other = await createEphemeralIdentity()
const NOW = 1_780_000_000_000
const clock = { id: identity.peerId, time: NOW }
const key = `${identity.peerId}/ingester-1`
const value = { ingester_id: 'ingester-1', updated_at: '2026-01-01T00:00:00.000Z' }
const links = (count: number) => Array.from({ length: count }, (_, i) => hashOf(Uint8Array.of(i)))

const forge = (over: Partial<ForgeOptions> = {}) =>
  forgeEntry({ identity, address: ADDRESS, value, ...over, signed: { clock, ...over.signed } })

const judge = (bytes: Uint8Array) =>
  judgeEntry(bytes, { address: ADDRESS, schema: nodeSchema, nowMs: NOW, verify: verifySignature })

const put = (over: object) => ({ signed: { payload: { op: 'PUT', key, value, ...over } } })

test('an honest put and an honest delete are accepted and named by their hash', () => {
  const honest = forge()
  const verdict = judge(honest.bytes)
  assert.ok(verdict.isAccepted)
  assert.equal(verdict.entry.hash, hashOf(honest.bytes))
  assert.equal(verdict.localId, 'ingester-1')
  assert.ok(judge(forge(put({ op: 'DEL', value: null })).bytes).isAccepted)
})

test('32 parents and 32 references are accepted', () => {
  assert.ok(judge(forge({ signed: { next: links(32), refs: links(32) } }).bytes).isAccepted)
})

describe('an entry with one bad part is rejected by its reason', () => {
  const cases: [string, Partial<ForgeOptions>, string][] = [
    ['an extra field', { unsigned: { extra: 1 } }, 'fields'],
    ['a hidden payload', { unsigned: { _payload: { op: 'PUT' } } }, 'fields'],
    ['a stored hash', { unsigned: { hash: 'x' } }, 'fields'],
    ['another log', { signed: { id: '/orbitdb/other' } }, 'log'],
    ['version 1', { signed: { v: 1 } }, 'version'],
    ['version 2 as text', { signed: { v: '2' } }, 'version'],
    ['33 parents', { signed: { next: links(33) } }, 'links'],
    ['33 references', { signed: { refs: links(33) } }, 'links'],
    ['a parent twice', { signed: { next: [...links(1), ...links(1)] } }, 'links'],
    ['a parent that is no hash', { signed: { next: ['zdpuXX'] } }, 'links'],
    ['a parent that is a number', { signed: { next: [7] } }, 'links'],
    ['parents that are no list', { signed: { next: 'zdpu' } }, 'links'],
    ['the identity of another', { unsigned: { identity: other.peerId } }, 'author'],
    ['a key that is no text', { unsigned: { key: 7, identity: 7 } }, 'author'],
    ['a null clock', { signed: { clock: null } }, 'clock'],
    ['the clock of another', { signed: { clock: { id: other.peerId, time: NOW } } }, 'clock'],
    ['a time as text', { signed: { clock: { ...clock, time: '7' } } }, 'clock'],
    ['a time with a fraction', { signed: { clock: { ...clock, time: 1.5 } } }, 'clock'],
    ['a time of zero', { signed: { clock: { ...clock, time: 0 } } }, 'clock'],
    ['a time past 2^53', { signed: { clock: { ...clock, time: 2n ** 60n } } }, 'clock'],
    ['an extra field in the clock', { signed: { clock: { ...clock, x: 1 } } }, 'clock'],
    ['a null payload', { signed: { payload: null } }, 'payload'],
    ['an extra field in the payload', put({ x: 1 }), 'payload'],
    ['an unknown operation', put({ op: 'DROP' }), 'payload'],
    ['a delete with a value', put({ op: 'DEL' }), 'payload'],
    ['a key without an author', put({ key: 'ingester-1' }), 'key'],
    ['a key with an empty local id', put({ key: `${identity.peerId}/` }), 'key'],
    ['a key of __proto__', put({ key: `${identity.peerId}/__proto__` }), 'key'],
    ['a key with two slashes', put({ key: `${identity.peerId}/a/b` }), 'key'],
    ['a key that is no text', put({ key: 7 }), 'key'],
    ['the key of another author', put({ key: `${other.peerId}/ingester-1` }), 'foreign-key'],
    ['a null value', put({ value: null }), 'value'],
    ['a value for another id', put({ value: { ...value, ingester_id: 'i-2' } }), 'value'],
    ['a value with an unknown field', put({ value: { ...value, surprise: 1 } }), 'value'],
    ['a signature in upper case', { unsigned: { sig: 'A'.repeat(128) } }, 'signature'],
    ['a signature of zeros', { unsigned: { sig: '0'.repeat(128) } }, 'signature'],
    ['a signature that is no text', { unsigned: { sig: new Uint8Array(64) } }, 'signature'],
    ['content that was not signed', { unsigned: { next: links(1) } }, 'signature'],
    [
      'another signer than its author',
      {
        signed: {
          clock: { id: other.peerId, time: NOW },
          payload: { op: 'PUT', key: `${other.peerId}/ingester-1`, value },
        },
        unsigned: { key: other.peerId, identity: other.peerId },
      },
      'signature',
    ],
  ]
  for (const [what, over, reason] of cases) {
    test(what, () => {
      const verdict = judge(forge(over).bytes)
      assert.deepEqual(verdict, { isAccepted: false, reason, isTemporary: false })
    })
  }

  test('more than 8 KiB', () => {
    const large = { ...value, node_name: 'x'.repeat(4096), source: 'x'.repeat(4096) }
    const verdict = judge(forge(put({ value: large })).bytes)
    assert.deepEqual(verdict, { isAccepted: false, reason: 'too-large', isTemporary: false })
  })

  test('bytes after the entry, or none at all', () => {
    const { bytes } = forge()
    for (const bad of [Buffer.concat([bytes, Uint8Array.of(0)]), new Uint8Array()]) {
      assert.deepEqual(judge(bad), { isAccepted: false, reason: 'malformed', isTemporary: false })
    }
  })

  test('nesting that no decoder survives', () => {
    const nested = new Uint8Array(8000).fill(0x81)
    assert.equal(judge(nested).isAccepted, false)
  })

  test('the same content in another encoding', () => {
    const { bytes, fields } = forge()
    const malleated = reorderFirstFields(fields)
    assert.notDeepEqual(malleated, bytes)
    const verdict = judge(malleated)
    assert.equal(verdict.isAccepted, false)
    assert.ok(['encoding', 'malformed'].includes(verdict.isAccepted ? '' : verdict.reason))
  })
})

test('a clock more than ten minutes ahead is a wait, not a verdict', () => {
  const at = (time: number) => judge(forge({ signed: { clock: { ...clock, time } } }).bytes)
  assert.ok(at(NOW + 600_000).isAccepted)
  assert.deepEqual(at(NOW + 600_001), {
    isAccepted: false,
    reason: 'clock-ahead',
    isTemporary: true,
  })
})

/** The same map with its keys in another order: valid CBOR, not canonical dag-cbor. */
function reorderFirstFields(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const names = Object.keys(fields).sort()
  const parts = names.flatMap((name) => [encodeValue(name), encodeValue(fields[name])])
  return Buffer.concat([Uint8Array.of(0xa0 + names.length), ...parts])
}
