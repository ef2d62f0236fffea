import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import fc from 'fast-check'

import {
  decodeReply,
  decodeRequest,
  ExchangeFormatError,
  encodeReply,
  encodeRequest,
  LIMIT_ENVELOPE_BYTES,
  LIMIT_RECORDS,
  LIMIT_REPLY_BYTES,
  LIMIT_REQUEST_BYTES,
  readFrame,
} from '../../src/network/discovery/peer-exchange-codec.ts'
import { PeerRecordError, verifyPeerRecord } from '../../src/network/discovery/peer-record.ts'

/** The bytes in chunks cut at the given places. */
async function* chunked(bytes: Uint8Array, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])]
  places.sort((a, b) => a - b)
  for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i])
}

const envelopes = fc.array(fc.uint8Array({ maxLength: LIMIT_ENVELOPE_BYTES }), {
  maxLength: LIMIT_RECORDS,
})
const cuts = fc.array(fc.nat(), { maxLength: 20 })

describe('peer exchange format', () => {
  it('reads back any reply, however it is cut into chunks', async () => {
    const waits = fc.option(fc.integer({ min: 0, max: 3600 }))
    await fc.assert(
      fc.asyncProperty(envelopes, waits, cuts, async (records, waitSeconds, places) => {
        const bytes = encodeReply({ envelopes: records, waitSeconds })
        const reply = decodeReply(await readFrame(chunked(bytes, places), LIMIT_REPLY_BYTES))
        assert.equal(reply.waitSeconds, waitSeconds)
        assert.deepEqual(
          reply.envelopes.map((one) => Buffer.from(one)),
          records.map((one) => Buffer.from(one)),
        )
      }),
      { numRuns: 40 },
    )
  })

  it('reads back any request and never grants more than 32', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), cuts, async (limit, places) => {
        const frame = await readFrame(
          chunked(encodeRequest({ limit }), places),
          LIMIT_REQUEST_BYTES,
        )
        assert.equal(decodeRequest(frame).limit, Math.min(limit, LIMIT_RECORDS))
      }),
    )
  })

  it('throws nothing but its own error at any bytes', async () => {
    const isOurs = (error: unknown) => error instanceof ExchangeFormatError
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), cuts, async (bytes, places) => {
        for (const decode of [decodeRequest, decodeReply]) {
          try {
            decode(bytes)
          } catch (error) {
            assert.ok(isOurs(error), String(error))
          }
        }
        try {
          const content = await readFrame(chunked(bytes, places), LIMIT_REQUEST_BYTES)
          assert.ok(content.length <= LIMIT_REQUEST_BYTES)
        } catch (error) {
          assert.ok(isOurs(error), String(error))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never buffers past the limit and one chunk before it gives up', async () => {
    let taken = 0
    async function* endless(): AsyncIterable<Uint8Array> {
      yield Uint8Array.of(0xff, 0xff, 0xff, 0x7f)
      for (;;) {
        taken++
        yield new Uint8Array(1024)
      }
    }
    await assert.rejects(readFrame(endless(), LIMIT_REPLY_BYTES), ExchangeFormatError)
    assert.equal(taken, 0)
  })

  it('refuses more records, or larger ones, than the format allows', () => {
    const many = Array.from({ length: LIMIT_RECORDS + 1 }, () => new Uint8Array(1))
    const large = [new Uint8Array(LIMIT_ENVELOPE_BYTES + 1)]
    for (const records of [many, large]) {
      const framed = encodeReply({ envelopes: records, waitSeconds: null })
      // Behind the length, of one or two bytes.
      const content = framed.subarray((framed[0] ?? 0) < 0x80 ? 1 : 2)
      assert.throws(() => decodeReply(content), ExchangeFormatError)
    }
  })
})

describe('peer record', () => {
  it('throws nothing but its own error at any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await assert.rejects(verifyPeerRecord(bytes), PeerRecordError)
      }),
      { numRuns: 300 },
    )
  })
})
