import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createJudgedBlockstore } from '../../../../src/registry/replication/judged-blockstore.ts'
import { BlockStore } from '../../../../src/registry/store/block-store.ts'
import { cidOf, hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { MemoryByteStore } from '../../../support/byte-store.ts'

test('a fetched block is kept without the message that it came in', async () => {
  const blocks = new BlockStore({ level: new MemoryByteStore(), onDamaged: () => {} })
  const sut = createJudgedBlockstore(blocks)
  const message = Buffer.alloc(100_000, 3)
  const block = message.subarray(500, 600)
  const cid = cidOf(hashOf(block))
  await sut.put(cid, block)
  for await (const kept of sut.get(cid)) {
    assert.deepEqual(Buffer.from(kept), block)
    assert.equal(kept.buffer.byteLength, block.length)
  }
})
