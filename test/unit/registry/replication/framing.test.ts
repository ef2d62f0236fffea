import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readItems } from '../../../../src/registry/replication/framing.ts'
import { encodeValue } from '../../../../src/registry/store/entry-codec.ts'

const LIMITS = { itemBytes: 100, items: 10, totalBytes: 500 }

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(bytes: Uint8Array, size = bytes.length): Promise<Uint8Array[]> {
  const items: Uint8Array[] = []
  for await (const item of readItems(chunked(bytes, Math.max(1, size)), LIMITS)) items.push(item)
  return items
}

test('two items in one chunk, and one item in many chunks, are read alike', async () => {
  const items = [{ a: [1, 'two', null], b: new Uint8Array(30) }, [], 'text', 1.5, 2 ** 40].map(
    encodeValue,
  )
  const bytes = Buffer.concat(items)
  for (const size of [1, 2, 7, bytes.length]) {
    assert.deepEqual((await read(bytes, size)).map(hex), items.map(hex))
  }
})

describe('a stream outside its limits ends at once', () => {
  const cases: [string, Uint8Array, string][] = [
    ['an item that is too large', encodeValue(new Uint8Array(101)), 'ITEM_TOO_LARGE'],
    [
      'an item that says it is huge',
      Uint8Array.of(0x9b, 0, 0, 0, 255, 0, 0, 0, 0),
      'ITEM_TOO_LARGE',
    ],
    ['a text that says it is huge', Uint8Array.of(0x7a, 255, 255, 255, 255), 'ITEM_TOO_LARGE'],
    ['too many items', new Uint8Array(11), 'TOO_MUCH'],
    ['an item of indefinite length', Uint8Array.of(0x9f, 0xff), 'MALFORMED'],
    ['a reserved length', Uint8Array.of(0x1c), 'MALFORMED'],
    ['half an item', Uint8Array.of(0x82, 0), 'TRUNCATED'],
  ]
  for (const [what, bytes, code] of cases) {
    test(what, async () => {
      await assert.rejects(read(bytes), { code })
      await assert.rejects(read(bytes, 1), { code })
    })
  }

  test('too many bytes in all', async () => {
    const bytes = Buffer.concat(Array.from({ length: 6 }, () => encodeValue(new Uint8Array(95))))
    await assert.rejects(read(bytes), { code: 'TOO_MUCH' })
  })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
