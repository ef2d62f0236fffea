import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** RFC 8489, as much of it as ICE needs. */
const MAGIC_COOKIE = 0x2112a442
const HEADER_BYTES = 20
const INTEGRITY = { type: 0x0008, bytes: 20 }
const FINGERPRINT = { type: 0x8028, bytes: 4, xor: 0x5354554e }
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101

export type Attribute = readonly [type: number, value: Uint8Array]

export const ATTRIBUTE = { username: 0x0006, mapped: 0x0020, priority: 0x0024 } as const
const USE_CANDIDATE = 0x0025
const CONTROLLING = 0x802a

/** A request to bind, with nothing but these attributes. @param id 12 bytes */
export function bindingRequest(id: Uint8Array, attributes: readonly Attribute[]): Buffer {
  return message(BINDING_REQUEST, id, attributes)
}

/** The check of an ICE agent with this name and password, which is right in every respect. */
export function iceCheck(id: Uint8Array, ufrag: string): Buffer {
  const attributes: Attribute[] = [
    [ATTRIBUTE.username, Buffer.from(`${ufrag}:${ufrag}`)],
    [ATTRIBUTE.priority, Buffer.of(0x6e, 0x7f, 0, 1)],
    [CONTROLLING, Buffer.concat([id.subarray(0, 8)])],
    [USE_CANDIDATE, new Uint8Array()],
  ]
  return sealed(message(BINDING_REQUEST, id, attributes), ufrag)
}

/** The answer to the check of another agent; null for what is none. @param port where it came from, IPv4 loopback */
export function iceAnswer(check: Buffer, ufrag: string, port: number): Buffer | null {
  if (check.length < HEADER_BYTES || check.readUInt16BE(0) !== BINDING_REQUEST) return null
  const mapped = Buffer.of(0, 1, 0, 0, 127 ^ 0x21, 0x12, 0xa4, 1 ^ 0x42)
  mapped.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2)
  const id = check.subarray(8, HEADER_BYTES)
  return sealed(message(BINDING_SUCCESS, id, [[ATTRIBUTE.mapped, mapped]]), ufrag)
}

function message(type: number, id: Uint8Array, attributes: readonly Attribute[]): Buffer {
  const body = Buffer.concat(attributes.map(encodeAttribute))
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(type)
  header.writeUInt16BE(body.length, 2)
  header.writeUInt32BE(MAGIC_COOKIE, 4)
  header.set(id.subarray(0, 12), 8)
  return Buffer.concat([header, body])
}

function encodeAttribute([type, value]: Attribute): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  bytes.writeUInt16BE(type)
  bytes.writeUInt16BE(value.length, 2)
  bytes.set(value, 4)
  return bytes
}

function sealed(unsealed: Buffer, password: string): Buffer {
  const signed = lengthened(unsealed, 4 + INTEGRITY.bytes)
  const hmac = createHmac('sha1', password).update(signed).digest()
  const withIntegrity = Buffer.concat([signed, encodeAttribute([INTEGRITY.type, hmac])])
  const summed = lengthened(withIntegrity, 4 + FINGERPRINT.bytes)
  const sum = Buffer.alloc(FINGERPRINT.bytes)
  sum.writeUInt32BE((crc32(summed) ^ FINGERPRINT.xor) >>> 0)
  return Buffer.concat([summed, encodeAttribute([FINGERPRINT.type, sum])])
}

/** The length in its header counts what is yet to come. */
function lengthened(bytes: Buffer, more: number): Buffer {
  const longer = Buffer.from(bytes)
  longer.writeUInt16BE(bytes.length - HEADER_BYTES + more, 2)
  return longer
}
