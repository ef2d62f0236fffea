import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { PeerStream } from '../../../../src/network/types.ts'
import { exchangeHeads } from '../../../../src/registry/replication/heads-exchange.ts'
import type { RegistryDatabase } from '../../../../src/registry/store/database.ts'

test('of heads that break rules a few are looked at, and the rest with their stream is given up', async () => {
  const stream = {
    async *chunks() {
      // Each byte is a CBOR item, and all come at once.
      yield new Uint8Array(300).fill(5)
    },
    close: async () => {},
  } as unknown as PeerStream
  const database = { log: { heads: () => [] } } as unknown as RegistryDatabase
  let judged = 0
  const receive = async () => {
    judged += 1
    return 'rejected' as const
  }
  const exchange = exchangeHeads(stream, database, receive, AbortSignal.timeout(5000))
  await assert.rejects(exchange, { name: 'FramingError', code: 'MALFORMED' })
  assert.equal(judged, 9)
})
