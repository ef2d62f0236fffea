import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { verifySnapshot } from '../../src/registry/snapshot/verify.ts'
import { protocolVectors } from '../support/protocol-vectors.ts'

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 })

/** What verifying says: `good`, `bad`, or the code of a SnapshotError; anything else fails the test. */
async function outcome(bytes: Uint8Array, pieces: readonly number[]): Promise<string> {
  try {
    const { problems } = await verifySnapshot(inPieces(bytes, pieces))
    return problems.count === 0 ? 'good' : 'bad'
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'SnapshotError', String(error))
    return 'code' in error ? String(error.code) : ''
  }
}

test('no bytes are taken for a snapshot that are none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), sizes, async (bytes, pieces) => {
      assert.notEqual(await outcome(bytes, pieces), 'good')
    }),
    { numRuns: 200 },
  )
})

test('a snapshot is good in whatever pieces it comes, and no change of it goes unnoticed', async () => {
  const good = Buffer.from((await protocolVectors()).snapshot, 'hex')
  const change = fc.record({
    at: fc.nat({ max: good.length - 1 }),
    bit: fc.nat({ max: 7 }),
    kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat'),
  })
  await fc.assert(
    fc.asyncProperty(change, sizes, async ({ at, bit, kind }, pieces) => {
      assert.equal(await outcome(good, pieces), 'good')
      const [before, after] = [good.subarray(0, at), good.subarray(at)]
      const flipped = Buffer.from(after)
      flipped[0] = (flipped[0] ?? 0) ^ (1 << bit)
      const changed = {
        flip: [before, flipped],
        cut: [before],
        insert: [before, Uint8Array.of(bit), after],
        repeat: [good, after],
      }[kind]
      assert.notEqual(await outcome(Buffer.concat(changed), pieces), 'good')
    }),
    { numRuns: 200 },
  )
})
