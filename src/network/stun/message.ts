import { isIPv4 } from 'node:net'
import { crc32 } from 'node:zlib'

import { normalizeHost } from '../address-class.ts'

/**
 * The part of STUN that tells a client its own address: a Binding request and its answers.
 * RFC 8489, sections 5, 6.3 and 14. Requests of its predecessor RFC 3489 have no cookie and are not answered.
 */
const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111
const XOR_MAPPED_ADDRESS = 0x0020
const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const FINGERPRINT = 0x8028
const FINGERPRINT_XOR = 0x5354554e
const FINGERPRINT_BYTES = 8
/** Attributes below it must be understood by who answers. */
const FIRST_OPTIONAL = 0x8000
const IPV4 = 0x01
const IPV6 = 0x02

/** Of a browser's request; the rest of a datagram of the internet's least size is no STUN of ours. */
export const REQUEST_LIMIT_BYTES = 548
/** The answer is never much longer than what asked for it: nobody gains by sending it to somebody else. */
const UNKNOWN_LIMIT = 4

export interface BindingRequest {
  /** 12 bytes. */
  readonly transactionId: Buffer
  /** The request had one, so the answer gets one. */
  readonly hasFingerprint: boolean
  /** Types of attributes that must be understood and are not, at most `UNKNOWN_LIMIT`. */
  readonly unknown: readonly number[]
}

/** Why a datagram gets no answer. */
export type StunRefusal = 'length' | 'not-stun' | 'not-binding' | 'attributes' | 'fingerprint'

/** Reads one datagram. @returns why it is no Binding request that can be answered, otherwise the request */
export function parseBindingRequest(datagram: Buffer): BindingRequest | StunRefusal {
  const { length } = datagram
  if (length < HEADER_BYTES || length > REQUEST_LIMIT_BYTES) return 'length'
  if (datagram.readUInt32BE(4) !== MAGIC_COOKIE) return 'not-stun'
  if (datagram.readUInt16BE(0) !== BINDING_REQUEST) return 'not-binding'
  if (datagram.readUInt16BE(2) !== length - HEADER_BYTES || length % 4 !== 0) return 'length'
  const unknown: number[] = []
  let hasFingerprint = false
  for (let at = HEADER_BYTES; at < length; ) {
    if (hasFingerprint || at + 4 > length) return 'attributes'
    const type = datagram.readUInt16BE(at)
    const end = at + 4 + datagram.readUInt16BE(at + 2)
    if (end > length) return 'attributes'
    if (type === FINGERPRINT) {
      hasFingerprint = true
      if (!isFingerprintRight(datagram, at, end)) return 'fingerprint'
    } else if (type < FIRST_OPTIONAL && unknown.length < UNKNOWN_LIMIT) {
      unknown.push(type)
    }
    at = end + ((4 - (end % 4)) % 4)
  }
  return { transactionId: datagram.subarray(8, HEADER_BYTES), hasFingerprint, unknown }
}

/** Tells the client where its request came from, in a form that no NAT on the way rewrites. */
export function bindingAnswer(request: BindingRequest, ip: string, port: number): Buffer {
  if (request.unknown.length > 0) return seal(request, BINDING_ERROR, unknownAttributes(request))
  const key = Buffer.alloc(16)
  key.writeUInt32BE(MAGIC_COOKIE)
  request.transactionId.copy(key, 4)
  const address = addressBytes(ip)
  const head = uint16s([address.length === 4 ? IPV4 : IPV6, port ^ (MAGIC_COOKIE >>> 16)])
  const hidden = address.map((byte, index) => byte ^ (key[index] ?? 0))
  return seal(
    request,
    BINDING_SUCCESS,
    attribute(XOR_MAPPED_ADDRESS, Buffer.concat([head, hidden])),
  )
}

function unknownAttributes({ unknown }: BindingRequest): Buffer {
  // 420, without a phrase.
  const code = attribute(ERROR_CODE, Buffer.from([0, 0, 4, 20]))
  return Buffer.concat([code, attribute(UNKNOWN_ATTRIBUTES, uint16s(unknown))])
}

function seal({ transactionId, hasFingerprint }: BindingRequest, type: number, body: Buffer) {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(type)
  header.writeUInt16BE(body.length + (hasFingerprint ? FINGERPRINT_BYTES : 0), 2)
  header.writeUInt32BE(MAGIC_COOKIE, 4)
  const message = Buffer.concat([header, transactionId, body])
  if (!hasFingerprint) return message
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(fingerprintOf(message))
  return Buffer.concat([message, attribute(FINGERPRINT, sum)])
}

/** With its padding, which counts in the message's length and not in the attribute's. */
function attribute(type: number, value: Buffer): Buffer {
  const head = uint16s([type, value.length])
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

function isFingerprintRight(datagram: Buffer, at: number, end: number): boolean {
  if (end - at !== FINGERPRINT_BYTES) return false
  return datagram.readUInt32BE(at + 4) === fingerprintOf(datagram.subarray(0, at))
}

function fingerprintOf(before: Buffer): number {
  return (crc32(before) ^ FINGERPRINT_XOR) >>> 0
}

/** 4 or 16 bytes; an IPv4 address in IPv6 spelling is the IPv4 one. */
function addressBytes(ip: string): Buffer {
  const host = normalizeHost(ip)
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number))
  return uint16s(host.split(':').map((group) => Number.parseInt(group, 16)))
}

function uint16s(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]))
}
