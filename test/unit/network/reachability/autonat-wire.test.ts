import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  DIAL,
  DIAL_BACK_OK,
  decodeAnswer,
  decodeDialBack,
  decodeRequest,
  encodeDialBack,
  encodeRequest,
  encodeResponse,
  RESPONSE,
} from '../../../../src/network/reachability/autonat-wire.ts'
import { FrameReader, framed } from '../../../../src/network/reachability/frames.ts'
import { WireError } from '../../../../src/network/relay/hop/protobuf.ts'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('AutoNAT v2 messages', () => {
  it('have the bytes of the specification', () => {
    const request = encodeRequest({ addresses: [Uint8Array.of(1, 2)], nonce: 0x0102030405060708n })
    assert.equal(hex(request), '0a0d 0a02 0102 11 0807060504030201'.replaceAll(' ', ''))
    const response = encodeResponse({ status: RESPONSE.ok, dialStatus: DIAL.dialError })
    assert.equal(hex(response), '1207 08c801 1000 1864'.replaceAll(' ', ''))
    assert.equal(hex(encodeDialBack(1n)), '090100000000000000')
    assert.equal(hex(DIAL_BACK_OK), '0800')
  })

  it('are read as they were written', () => {
    const request = { addresses: [Uint8Array.of(1), Uint8Array.of(2, 3)], nonce: 2n ** 64n - 1n }
    const read = decodeRequest(encodeRequest(request))
    assert.deepEqual([read.addresses.map(hex), read.nonce], [['01', '0203'], request.nonce])
    const response = { status: RESPONSE.ok, dialStatus: DIAL.dialBackError }
    assert.deepEqual(decodeAnswer(encodeResponse(response)), { kind: 'response', ...response })
    assert.equal(decodeDialBack(encodeDialBack(77n)), 77n)
  })

  it('ask for data in a way that is understood', () => {
    assert.deepEqual(decodeAnswer(Buffer.from('1a04080010e807'.slice(0, 12), 'hex')), {
      kind: 'data-request',
    })
  })

  it('name sixteen addresses at most, however many there are', () => {
    const addresses = Array.from({ length: 500 }, () => Uint8Array.of(4))
    assert.equal(decodeRequest(encodeRequest({ addresses, nonce: 1n })).addresses.length, 16)
  })

  for (const text of ['', 'ff', '0a', '0aff', '1200', '09', '0901', '0b0b0b0b']) {
    it(`are no request and no dial-back: ${text || 'nothing'}`, () => {
      const bytes = Buffer.from(text, 'hex')
      assert.throws(() => decodeRequest(bytes), WireError)
      assert.throws(() => decodeDialBack(bytes), WireError)
    })
  }

  it('come in pieces of any size, several in one chunk', async () => {
    const messages = [new Uint8Array(300).fill(1), Uint8Array.of(), new Uint8Array(2).fill(3)]
    const bytes = Buffer.concat(messages.map(framed))
    for (const size of [1, 2, 7, 301, 1000]) {
      const reader = new FrameReader(inPieces(bytes, size), 1000)
      for (const message of messages) assert.equal(hex(await reader.next()), hex(message))
      await assert.rejects(reader.next(), WireError)
    }
  })

  it('are refused when they are too long, before they have come', async () => {
    const reader = new FrameReader(inPieces(Uint8Array.of(0xff, 0xff, 0x03), 3), 1000)
    await assert.rejects(reader.next(), /too long/)
    const endless = new FrameReader(inPieces(new Uint8Array(8).fill(0xff), 1), 1000)
    await assert.rejects(endless.next(), WireError)
  })
})
