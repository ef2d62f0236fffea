import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import {
  cutSignedBytes,
  decodeValue,
  encodeValue,
  type SignedFields,
  signedBytes,
} from '../../src/registry/store/entry-codec.ts'
import { readPlain, readPlainUpTo } from '../../src/registry/store/plain-cbor.ts'
import { forgeEntry } from '../support/registry.ts'

const ADDRESS = '/orbitdb/zdpuAkWZcMAdsFT231qEBLEPi84Z2uXSh3CCUDufhroWhzcHk'
const identity = await createEphemeralIdentity()

/** What the slow way makes of the bytes; null where it refuses them. */
function decodeCanonical(bytes: Uint8Array): { value: unknown } | null {
  try {
    const value = decodeValue(bytes)
    return Buffer.compare(encodeValue(value), bytes) === 0 ? { value } : null
  } catch {
    return null
  }
}

/** Whatever the fast way reads, the slow way reads alike. */
function assertAlike(bytes: Uint8Array): void {
  const plain = readPlain(bytes)
  if (plain !== null) assert.deepEqual(decodeCanonical(bytes), plain)
}

const key = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', '1', '10', '2', 'aa', 'b'),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.maxSafeNat(),
    fc.nat(300),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5 }),
  ),
}))

test('what the fast way reads is canonical, and reads alike the slow way', () => {
  fc.assert(
    fc.property(value, (item) => assertAlike(encodeValue(item))),
    { numRuns: 3000 },
  )
})

test('bytes with any change, and any bytes at all, are never read otherwise than the slow way does', () => {
  const change = fc.tuple(fc.nat(10_000), fc.nat(255))
  fc.assert(
    fc.property(value, fc.array(change, { minLength: 1, maxLength: 3 }), (item, changes) => {
      const bytes = Uint8Array.from(encodeValue(item))
      for (const [at, to] of changes) bytes[at % bytes.length] = to
      assertAlike(bytes)
    }),
    { numRuns: 5000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => assertAlike(bytes)),
    { numRuns: 5000 },
  )
})

test('a map is read up to one of its fields as it is read whole, whatever follows', () => {
  const inOrder = (a: string, b: string) => a.length - b.length || (a < b ? -1 : 1)
  fc.assert(
    fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 }), fc.nat(4), (map, nth) => {
      const bytes = encodeValue(map)
      const whole = readPlain(bytes)?.value as Record<string, unknown> | undefined
      if (whole === undefined) return
      const names = Object.keys(whole).sort(inOrder)
      const upTo = names.slice(0, 1 + (nth % names.length))
      const fields = Object.fromEntries(upTo.map((name) => [name, whole[name]]))
      const last = upTo.at(-1) ?? ''
      const cut = bytes.subarray(0, encodeValue(fields).length)
      for (const followed of [bytes, cut, Buffer.concat([cut, Uint8Array.of(255)])]) {
        assert.deepEqual(readPlainUpTo(followed, last), fields)
      }
      assert.equal(readPlainUpTo(bytes, 'no such field'), null)
    }),
    { numRuns: 2000 },
  )
  assert.equal(readPlainUpTo(encodeValue(['next']), 'next'), null)
})

test('an ordinary entry is read the fast way', () => {
  const { bytes, fields } = forgeEntry({ identity, address: ADDRESS })
  assert.deepEqual(readPlain(bytes), { value: fields })
  assert.equal(readPlain(bytes.subarray(0, -1)), null)
  assert.equal(readPlain(Buffer.concat([bytes, Uint8Array.of(0)])), null)
})

for (const [what, hex] of [
  ['a number in more bytes than it needs', '1817'],
  ['a length in more bytes than it needs', '780161'],
  ['a key twice', 'a2616100616101'],
  ['keys out of order', 'a2616200616100'],
  ['a longer key before a shorter one', 'a262616100616200'],
  ['an item of indefinite length', '9fff'],
  ['half a number', '19'],
  ['a text that is cut short', '6261'],
] as const) {
  test(`${what} is left to the slow way`, () => {
    assert.equal(readPlain(Buffer.from(hex, 'hex')), null)
  })
}

test('what an author signed is cut out of the entry as it would be encoded', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 })
  fc.assert(
    fc.property(
      text,
      fc.dictionary(key, value, { maxKeys: 4 }),
      text,
      (author, payload, address) => {
        const signed: SignedFields = {
          id: address,
          payload,
          next: ['a', author],
          refs: [],
          clock: { id: author, time: 12 },
          v: 2,
        }
        const entry = { ...signed, key: author, identity: author, sig: 'f'.repeat(128) }
        const cut = cutSignedBytes(encodeValue(entry), address, author)
        assert.equal(Buffer.compare(cut, signedBytes(signed)), 0)
      },
    ),
    { numRuns: 500 },
  )
})
