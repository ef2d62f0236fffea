import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'

/** Blocks as a page of a transfer brings them: many in one buffer. */
function pageOf(count: number) {
  const page = new Uint8Array(count * 100)
  return Array.from({ length: count }, (_, n) => {
    const bytes = page.subarray(100 * n, 100 * n + 100).fill(n)
    return { hash: hashOf(bytes), bytes }
  })
}

test('a block that is kept at hand keeps nothing of the page that it came in', async () => {
  const store = new BlockStore({ level: new MemoryByteStore(), onDamaged: () => {} })
  const [one, ...others] = pageOf(20)
  assert.ok(one !== undefined)
  await store.put(one.hash, one.bytes)
  await store.putMany(others)
  for (const { hash, bytes } of [one, ...others]) {
    const kept = await store.get(hash)
    assert.deepEqual(kept, bytes)
    assert.equal(kept?.buffer.byteLength, 100)
  }
})
