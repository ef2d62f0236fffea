import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  bindingAnswer,
  parseBindingRequest,
  REQUEST_LIMIT_BYTES,
} from '../../../../src/network/stun/message.ts'

/** RFC 5769, 2.1: a sample request with attributes of ICE, a short-term credential and a fingerprint. */
const SAMPLE_REQUEST = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff' +
    '80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249' +
    'c1b571a280280004e57a3bcf',
  'hex',
)
/** RFC 5769, 2.2 and 2.3: XOR-MAPPED-ADDRESS of 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, port 32853. */
const SAMPLE_IPV4 = '002000080001a147e112a643'
const SAMPLE_IPV6 = '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9'
const TRANSACTION = 'b7e7a701bc34d686fa87dfae'

/** What a browser sends: a header and nothing else. */
function plainRequest(): Buffer {
  return Buffer.from(`000100002112a442${TRANSACTION}`, 'hex')
}

function parsed(datagram: Buffer) {
  const request = parseBindingRequest(datagram)
  if (typeof request === 'string') throw new Error(request)
  return request
}

describe('a STUN answer', () => {
  it('tells an IPv4 address as the sample of RFC 5769 does', () => {
    const answer = bindingAnswer(parsed(plainRequest()), '192.0.2.1', 32_853)
    assert.equal(answer.toString('hex'), `0101000c2112a442${TRANSACTION}${SAMPLE_IPV4}`)
  })

  it('tells an IPv6 address as the sample of RFC 5769 does', () => {
    const ip = '2001:db8:1234:5678:11:2233:4455:6677'
    const answer = bindingAnswer(parsed(plainRequest()), ip, 32_853)
    assert.equal(answer.toString('hex'), `010100182112a442${TRANSACTION}${SAMPLE_IPV6}`)
  })

  it('tells an IPv4 address that came in IPv6 spelling as the IPv4 one', () => {
    const answer = bindingAnswer(parsed(plainRequest()), '::ffff:192.0.2.1', 32_853)
    assert.equal(answer.subarray(20).toString('hex'), SAMPLE_IPV4)
  })

  it('names what it does not understand of the sample request, and has a fingerprint as that has', () => {
    const request = parsed(SAMPLE_REQUEST)
    assert.deepEqual(request.unknown, [0x0024, 0x0006, 0x0008])
    const answer = bindingAnswer(request, '192.0.2.1', 32_853)
    assert.equal(answer.readUInt16BE(0), 0x0111)
    assert.equal(answer.readUInt16BE(2), answer.length - 20)
    assert.equal(answer.subarray(20, 28).toString('hex'), '0009000400000414')
    assert.equal(answer.subarray(28, 40).toString('hex'), '000a00060024000600080000')
    assert.equal(answer.readUInt16BE(40), 0x8028)
    // Sealed as the sample is: its own fingerprint is what the parser wants of it.
    const asRequest = Buffer.from(SAMPLE_REQUEST)
    asRequest.writeUInt8(asRequest.readUInt8(30) ^ 1, 30)
    assert.equal(parseBindingRequest(asRequest), 'fingerprint')
  })

  it('is at most twice as long as what asked for it, and a little', () => {
    const request = parsed(plainRequest())
    assert.ok(bindingAnswer(request, '2001:db8::1', 1).length <= 44)
    assert.ok(bindingAnswer(parsed(SAMPLE_REQUEST), '::1', 1).length < SAMPLE_REQUEST.length)
  })
})

describe('a datagram that is no request to answer', () => {
  const broken = (change: (datagram: Buffer) => Buffer | undefined) => {
    const datagram = plainRequest()
    return parseBindingRequest(change(datagram) ?? datagram)
  }
  for (const [what, change, why] of [
    ['nothing', () => Buffer.alloc(0), 'length'],
    ['a cut header', (d: Buffer) => d.subarray(0, 19), 'length'],
    ['more than any request', () => Buffer.alloc(REQUEST_LIMIT_BYTES + 4), 'length'],
    ['no cookie', (d: Buffer) => void d.writeUInt32BE(0, 4), 'not-stun'],
    ['an answer', (d: Buffer) => void d.writeUInt16BE(0x0101), 'not-binding'],
    ['a TURN allocation', (d: Buffer) => void d.writeUInt16BE(0x0003), 'not-binding'],
    ['a length that is not its own', (d: Buffer) => void d.writeUInt16BE(4, 2), 'length'],
    ['a cut attribute', (d: Buffer) => extended(d, '80220010'), 'attributes'],
    ['more after the fingerprint', () => extended(SAMPLE_REQUEST, '80220000'), 'fingerprint'],
  ] as const) {
    it(`has ${what}`, () => assert.equal(broken(change), why))
  }
})

function extended(datagram: Buffer, hex: string): Buffer {
  const longer = Buffer.concat([datagram, Buffer.from(hex, 'hex')])
  longer.writeUInt16BE(longer.length - 20, 2)
  return longer
}
