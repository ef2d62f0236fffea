import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { PeerStream } from '../../../../src/network/types.ts'
import type { FramingError } from '../../../../src/registry/replication/framing.ts'
import {
  exchangeHeads,
  type HeadReceipt,
} from '../../../../src/registry/replication/heads-exchange.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'

const database = { log: { heads: () => [] } } as unknown as RegistryDatabase

/** What an exchange makes of so many heads, of which each is received as this. */
async function exchangeOf(count: number, receiptOf: (at: number) => HeadReceipt) {
  const stream = {
    async *chunks() {
      // Each byte is a CBOR item, and all come at once.
      yield new Uint8Array(count).fill(5)
    },
    close: async () => {},
  } as unknown as PeerStream
  let judged = 0
  const receive = async () => {
    judged += 1
    return receiptOf(judged)
  }
  const exchange = exchangeHeads(stream, database, receive, AbortSignal.timeout(5000))
  const result = await exchange.catch((error: FramingError) => ({ code: error.code }))
  return { result, judged }
}

test('of heads that break rules a few are looked at, and the rest with their stream is given up', async () => {
  const { result, judged } = await exchangeOf(100, () => 'rejected')
  assert.deepEqual(result, { code: 'MALFORMED' })
  assert.equal(judged, 9)
})

test('of heads ahead of our clock a few are looked at; the rest is read, and may hide others', async () => {
  const { result, judged } = await exchangeOf(60, () => 'early')
  assert.deepEqual(result, { held: 0, isCut: true, isSkipped: false })
  assert.equal(judged, 9)
  const few = await exchangeOf(8, () => 'early')
  assert.deepEqual(few.result, { held: 0, isCut: false, isSkipped: false })
})

test('as many heads are looked at as a station sends, and not twice as many are read', async () => {
  const some = await exchangeOf(128, () => 'held')
  assert.deepEqual(some, { result: { held: 64, isCut: true, isSkipped: false }, judged: 64 })
  const more = await exchangeOf(129, () => 'held')
  assert.deepEqual(more.result, { code: 'TOO_MUCH' })
})

test('heads of which one was skipped say nothing of what else there is', async () => {
  const { result, judged } = await exchangeOf(3, (at) => (at === 2 ? 'skipped' : 'known'))
  assert.deepEqual(result, { held: 0, isCut: true, isSkipped: true })
  assert.equal(judged, 3)
})
