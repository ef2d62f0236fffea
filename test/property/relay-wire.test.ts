import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { WireError } from '../../src/network/relay/hop/protobuf.ts'
import {
  decodeHopMessage,
  decodeStopMessage,
  encodeHopMessage,
  encodeStopMessage,
} from '../../src/network/relay/hop/wire.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const bytes = fc.uint8Array({ maxLength: 64 }).map((one) => Uint8Array.from(one))
const uint32 = fc.nat({ max: 0xffff_ffff })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const addresses = fc.array(bytes, { maxLength: 8 })
const plain = { noNullPrototype: true }
const limit = fc.record({ durationSeconds: maybe(uint32), dataBytes: maybe(uint64) }, plain)
const stop = fc.record(
  {
    type: maybe(uint32),
    peer: maybe(fc.record({ id: bytes, addresses }, plain)),
    limit: maybe(limit),
    status: maybe(uint32),
  },
  plain,
)
const reservation = fc.record({ expireSeconds: uint64, addresses, voucher: maybe(bytes) }, plain)

test('every hop and stop message is read as it was written', () => {
  fc.assert(
    fc.property(stop, maybe(reservation), (message, reserved) => {
      assert.deepEqual(decodeStopMessage(encodeStopMessage(message)), message)
      const hop = { ...message, reservation: reserved }
      assert.deepEqual(decodeHopMessage(encodeHopMessage(hop)), hop)
    }),
  )
})

test('whatever bytes come, they are a message or a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), (noise) => {
      for (const decode of [decodeHopMessage, decodeStopMessage]) {
        try {
          decode(noise)
        } catch (error) {
          assert.ok(error instanceof WireError)
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a message that lost its end is never taken for another one with the same fields', () => {
  fc.assert(
    fc.property(stop, fc.nat(), (message, seed) => {
      const whole = encodeStopMessage(message)
      if (whole.length === 0) return
      const cut = whole.subarray(0, seed % whole.length)
      try {
        assert.notDeepEqual(decodeStopMessage(cut), message)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
  )
})
