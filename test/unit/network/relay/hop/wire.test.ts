import assert from 'node:assert/strict'
import { test } from 'node:test'

import { WireError } from '../../../../../src/network/relay/hop/protobuf.ts'
import {
  decodeHopMessage,
  decodeStopMessage,
  encodeHopMessage,
  encodeStopMessage,
  HOP_TYPE,
  STATUS,
  STOP_TYPE,
} from '../../../../../src/network/relay/hop/wire.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const bytes = (...values: number[]) => Uint8Array.from(values)

/** Written down from the specification's field numbers; what the library sends is the same. */
const VECTORS = {
  reserve: { message: { type: HOP_TYPE.reserve }, wire: '08 00' },
  connect: {
    message: { type: HOP_TYPE.connect, peer: { id: bytes(1, 2), addresses: [bytes(9), bytes(8)] } },
    wire: '08 01 12 0a 0a 02 01 02 12 01 09 12 01 08',
  },
  refused: {
    message: { type: HOP_TYPE.status, status: STATUS.noReservation },
    wire: '08 02 28 cc 01',
  },
  reserved: {
    message: {
      type: HOP_TYPE.status,
      status: STATUS.ok,
      reservation: { expireSeconds: 1_800_000_000n, addresses: [bytes(7)], voucher: bytes(5, 5) },
      limit: { durationSeconds: 300, dataBytes: 5_000_000_000n },
    },
    wire: '08 02 1a 0d 08 80 a4 a7 da 06 12 01 07 1a 02 05 05 22 09 08 ac 02 10 80 e4 97 d0 12 28 64',
  },
} as const

const NOTHING = { type: null, peer: null, reservation: null, limit: null, status: null }

for (const [name, { message, wire }] of Object.entries(VECTORS)) {
  test(`a hop message, ${name}, has the bytes of the specification`, () => {
    assert.equal(Buffer.from(encodeHopMessage(message)).toString('hex'), wire.replaceAll(' ', ''))
    assert.deepEqual(decodeHopMessage(hex(wire)), { ...NOTHING, ...message })
  })
}

test('a stop message has its limit and status under other numbers than a hop message', () => {
  const limit = { durationSeconds: 1, dataBytes: 2n }
  const message = { type: STOP_TYPE.connect, peer: { id: bytes(1), addresses: [] }, limit }
  const wire = '08 00 12 03 0a 01 01 1a 04 08 01 10 02'
  assert.equal(Buffer.from(encodeStopMessage(message)).toString('hex'), wire.replaceAll(' ', ''))
  assert.deepEqual(decodeStopMessage(hex(wire)), { ...message, status: null })
  const status = encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok })
  assert.equal(Buffer.from(status).toString('hex'), '08012064')
})

test('unknown fields of every kind are skipped, and known ones of another kind too', () => {
  const unknown = '78 05 79 0000000000000000 7a 03 616263 7d 00000000 7b 08 01 7c'
  const otherKind = '0a 01 00 2d 00000000'
  const decoded = decodeHopMessage(hex(`${unknown} 08 01 ${otherKind}`))
  assert.deepEqual(decoded, { ...NOTHING, type: HOP_TYPE.connect })
})

test('the last word of a field counts', () => {
  assert.equal(decodeHopMessage(hex('08 00 08 01')).type, HOP_TYPE.connect)
})

const BROKEN = {
  'a tag without value': '08',
  'an integer without end': '08 80',
  'an integer of the reservation without end': '1a 05 08 80 80 80 80',
  'bytes that are not there': '12 05 0a 01',
  'a peer whose id is not there': '12 02 0a 05',
  'a peer without id': '12 00',
  'field number 0': '00 00',
  'wire type 6': '0e 00',
  'a group without end': '7b 08 01',
  'the end of no group': '7c',
}

for (const [name, wire] of Object.entries(BROKEN)) {
  test(`${name} is no message`, () => {
    assert.throws(() => decodeHopMessage(hex(wire)), WireError)
  })
}

test('four thousand nested groups are no message and no end of the stack', () => {
  assert.throws(() => decodeHopMessage(new Uint8Array(4_096).fill(0x0b)), WireError)
})
