import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { RegistryError } from '../../../../src/registry/errors.ts'
import { LiveSnapshots } from '../../../../src/registry/snapshot/live.ts'
import { logAddress } from '../../../../src/registry/snapshot/log-name.ts'
import { verifySnapshot } from '../../../../src/registry/snapshot/verify.ts'
import { type LogToExport, writeSnapshot } from '../../../../src/registry/snapshot/write.ts'
import { hashOf } from '../../../../src/registry/store/entry-codec.ts'

const identity = await createEphemeralIdentity()
const OPTIONS = { networkName: 'test', timeMs: 1 }
const NAME = 'test.nodes.v1.e7'
const BATCH = 64
const BLOCK_BYTES = 8192

/** A log of large blocks, and how many of them were read. */
function largeLog(count: number) {
  const blocks = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i += 1) {
    const bytes = randomBytes(BLOCK_BYTES)
    blocks.set(hashOf(bytes), bytes)
  }
  const reads = { blocks: 0, most: 0 }
  const log: LogToExport = {
    name: NAME,
    address: logAddress(NAME),
    hashes: [...blocks.keys()],
    read: async (hashes) => {
      reads.blocks += hashes.length
      reads.most = Math.max(reads.most, hashes.length)
      return hashes.map((hash) => blocks.get(hash))
    },
  }
  return { log, blocks, reads }
}

test('a snapshot is made no faster than it is read, a chunk at a time', async () => {
  const { log, reads } = largeLog(1000)
  const chunks = writeSnapshot(OPTIONS, { identity, logs: [log] })
  let taken = 0
  let largest = 0
  for await (const chunk of chunks) {
    largest = Math.max(largest, chunk.length)
    // All of them once, for the manifest; then those of the chunks that were taken.
    assert.equal(reads.blocks, 1000 + Math.min(1000, taken * BATCH))
    taken += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(taken, 1 + Math.ceil(1000 / BATCH))
  assert.ok(largest <= BATCH * (BLOCK_BYTES + 64), `${largest} bytes at once`)
  assert.equal(reads.most, BATCH)
})

test('a block that is damaged between the manifest and its turn ends the export', async () => {
  const { log, blocks } = largeLog(100)
  const chunks = writeSnapshot(OPTIONS, { identity, logs: [log] })
  await chunks.next()
  const hash = log.hashes[70] ?? ''
  blocks.delete(hash)
  await chunks.next()
  await assert.rejects(chunks.next(), { code: 'LOST_BLOCK', facts: { hash } })
})

test('a registry that is not open gives no snapshot, not even an empty one', async () => {
  const snapshots = new LiveSnapshots()
  await assert.rejects(snapshots.take(OPTIONS, identity, null).next(), (error) => {
    return error instanceof RegistryError && error.code === 'CLOSED'
  })
  const { manifest } = await verifySnapshot(snapshots.take(OPTIONS, identity, []))
  assert.deepEqual(manifest.logs, [], 'one that is open and empty is another matter')
})
