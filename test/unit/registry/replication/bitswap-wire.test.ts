import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { MessageParts } from '../../../../src/registry/replication/bitswap-wire.ts'
import { bytesField, framed, numberField, repeated } from '../../../support/bitswap-message.ts'

const LIMITS = { messageBytes: 1000, parts: 8 }
const CID = Buffer.alloc(36, 1)
const BLOCK = bytesField(3, bytesField(1, Buffer.of(1, 0x71, 0x12, 32)), bytesField(2, CID))
const PRESENCE = bytesField(4, bytesField(1, CID), numberField(2, 1))
const ENTRY = bytesField(1, bytesField(1, CID), numberField(2, 1), numberField(5, 1))
const WANTS = bytesField(1, ENTRY, ENTRY, numberField(2, 0))

/** Reads in chunks. @returns what was counted */
function read(bytes: Uint8Array, size = bytes.length): number {
  let work = 0
  const parts = new MessageParts(LIMITS, () => {
    work += 1
  })
  for (let at = 0; at < bytes.length; at += size) parts.read(bytes.subarray(at, at + size))
  return work
}

test('messages and their parts are counted, wherever the chunks of the stream end', () => {
  const message = framed(WANTS, BLOCK, PRESENCE, numberField(5, 300))
  for (const size of [1, 2, 7, 1000]) {
    assert.equal(read(Buffer.concat([message, framed(), message]), size), 2 * (1 + 4) + 1)
  }
})

test('fields of later versions, and negative numbers, are passed by', () => {
  const negative = Buffer.from('ffffffffffffffffff01', 'hex')
  const entry = bytesField(1, bytesField(1, CID), Buffer.of(0x10), negative, numberField(9, 1))
  assert.equal(read(framed(bytesField(1, entry), bytesField(15, CID))), 2)
})

test('what a message may hold, it may hold again in the next', () => {
  const full = framed(repeated(PRESENCE, LIMITS.parts))
  assert.equal(read(Buffer.concat([full, full])), 2 * (1 + LIMITS.parts))
})

describe('a message outside its limits is refused', () => {
  const cases: [string, Uint8Array, string][] = [
    ['with one part too many', framed(repeated(PRESENCE, 9)), 'TOO_MANY_PARTS'],
    ['with a want too many, of several lists', framed(repeated(WANTS, 5)), 'TOO_MANY_PARTS'],
    ['with parts that are empty', framed(repeated(bytesField(3), 9)), 'TOO_MANY_PARTS'],
    ['with fields without end', framed(repeated(numberField(9, 1), 65)), 'TOO_MANY_PARTS'],
    [
      'with a field that is told over and over',
      framed(repeated(bytesField(1), 65)),
      'TOO_MANY_PARTS',
    ],
    ['that says it is longer', Buffer.of(0xe9, 0x07), 'TOO_LARGE'],
    ['with a long CID', framed(bytesField(4, bytesField(1, Buffer.alloc(65)))), 'TOO_LARGE'],
    ['with a long prefix', framed(bytesField(3, bytesField(1, Buffer.alloc(65)))), 'TOO_LARGE'],
  ]
  for (const [name, bytes, code] of cases) {
    test(name, () => assert.throws(() => read(bytes), { code }))
  }
})

describe('what the library would read in another way is refused', () => {
  const cases: [string, Uint8Array][] = [
    ['a length that is longer than it need be', Buffer.of(0x80, 0)],
    ['a part that is longer than its message', framed(Buffer.of(0x1a, 5, 0x0a, 0))],
    ['a name that is longer than its part', framed(Buffer.of(0x1a, 2, 0x0a, 5), CID)],
    ['a number that ends behind its message', Buffer.concat([framed(Buffer.of(0x28)), CID])],
    ['a group', framed(Buffer.of(0x4b, 0x4c))],
    ['a part as a number', framed(numberField(3, 8))],
    ['a tag of six bytes', framed(Buffer.of(0x9a, 0x80, 0x80, 0x80, 0x80, 0, 0))],
    ['a number of six bytes', framed(Buffer.of(0x28, 0x80, 0x80, 0x80, 0x80, 0x80, 0))],
    ['a number of eleven bytes', framed(Buffer.of(0x28), Buffer.alloc(10, 0x80), Buffer.of(0))],
  ]
  for (const [name, bytes] of cases) {
    test(name, () => assert.throws(() => read(bytes), { code: 'MALFORMED' }))
  }
})
