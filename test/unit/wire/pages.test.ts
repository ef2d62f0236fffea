import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'

import { FrameReader } from '../../../src/wire/frames.ts'
import {
  decodeNews,
  decodeOwnRecord,
  encodeNews,
  encodeOwnRecord,
  LIMIT_RECORD_BYTES,
  LIMIT_TELL_BYTES,
  LIMIT_TOLD,
  LIMIT_TOLD_BYTES,
} from '../../../src/wire/pages.ts'

function contentOf(frame: Uint8Array, limitBytes: number): Uint8Array {
  const [content] = new FrameReader(limitBytes).push(frame)
  assert.ok(content !== undefined)
  return content
}

test('the largest news and the largest record fit into their frames', () => {
  const records = new Array<Uint8Array>(LIMIT_TOLD).fill(new Uint8Array(LIMIT_RECORD_BYTES))
  const gone = new Array<string>(LIMIT_TOLD).fill('g'.repeat(64))
  assert.deepEqual(decodeNews(contentOf(encodeNews({ records, gone }), LIMIT_TOLD_BYTES)), {
    records,
    gone,
  })
  const own = new Uint8Array(LIMIT_RECORD_BYTES)
  assert.deepEqual(decodeOwnRecord(contentOf(encodeOwnRecord(own), LIMIT_TELL_BYTES)), own)
})

test('fields that this version does not know are ignored, those that are missing are empty', () => {
  assert.deepEqual(decodeNews(encode({ later: 1 })), { records: [], gone: [] })
  assert.deepEqual(decodeOwnRecord(encode({ r: Uint8Array.of(1), later: 1 })), Uint8Array.of(1))
})

const REFUSED: Readonly<Record<string, unknown>> = {
  'no map': [1],
  'records that are no list': { p: 1 },
  'too many records': { p: new Array(LIMIT_TOLD + 1).fill(new Uint8Array(1)) },
  'a record that is no bytes': { p: ['x'] },
  'a record that is too long': { p: [new Uint8Array(LIMIT_RECORD_BYTES + 1)] },
  'too many farewells': { g: new Array(LIMIT_TOLD + 1).fill('x') },
  'a farewell that is no text': { g: [1] },
  'a farewell that is too long': { g: ['x'.repeat(65)] },
}

for (const [name, value] of Object.entries(REFUSED)) {
  test(`${name}: refused`, () => {
    assert.throws(() => decodeNews(encode(value)), { code: 'PAGES_FORMAT' })
  })
}

test('an own record that is missing, no bytes or too long is refused', () => {
  for (const value of [{}, { r: 'x' }, { r: new Uint8Array(LIMIT_RECORD_BYTES + 1) }, null]) {
    assert.throws(() => decodeOwnRecord(encode(value)), { code: 'PAGES_FORMAT' })
  }
})

test('whatever bytes come, the answer is news or an error of the format', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [decodeNews, decodeOwnRecord]) {
        try {
          read(bytes)
        } catch (error) {
          assert.equal(Reflect.get(Object(error), 'code'), 'PAGES_FORMAT')
        }
      }
    }),
  )
})
