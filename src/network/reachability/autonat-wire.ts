/**
 * Messages of AutoNAT v2 (https://github.com/libp2p/specs/blob/master/autonat/autonat-v2.md), those that
 * this node sends or reads. Each travels behind its length.
 */
import { bytesTag, FieldWriter, readFields, varintTag, WireError } from '../relay/hop/protobuf.ts'

export const RESPONSE = { refused: 101, rejected: 100, internalError: 0, ok: 200 } as const
export const DIAL = { unused: 0, dialError: 100, dialBackError: 101, ok: 200 } as const

const FIXED64 = 1
const NONCE_FIELD = { request: 2, dialBack: 1 } as const
/** A request may name more; what comes after these is not looked at. */
const LIMIT_ADDRESSES = 16

export interface DialRequest {
  readonly kind: 'request'
  readonly addresses: readonly Uint8Array[]
  readonly nonce: bigint
}

export interface DialResponse {
  readonly kind: 'response'
  readonly status: number
  readonly dialStatus: number
}

/** The server wants to be sent bytes before it dials another host than the one that asks. */
export interface DialDataRequest {
  readonly kind: 'data-request'
}

export function encodeRequest({ addresses, nonce }: Omit<DialRequest, 'kind'>): Uint8Array {
  const fields = new FieldWriter()
  for (const address of addresses) fields.bytes(1, address)
  const request = Buffer.concat([fields.finish(), fixed64(NONCE_FIELD.request, nonce)])
  return new FieldWriter().bytes(1, request).finish()
}

export function encodeResponse(response: Omit<DialResponse, 'kind'>): Uint8Array {
  const { status, dialStatus } = response
  const fields = new FieldWriter().uint32(1, status).uint32(2, 0).uint32(3, dialStatus)
  return new FieldWriter().bytes(2, fields.finish()).finish()
}

/** @throws WireError for anything but a request */
export function decodeRequest(bytes: Uint8Array): DialRequest {
  let request: Uint8Array | null = null
  readFields(bytes, (tag, value) => {
    if (tag !== bytesTag(1)) return false
    request = value.bytes()
    return true
  })
  if (request === null) throw new WireError('no dial request')
  const addresses: Uint8Array[] = []
  let nonce = 0n
  readFields(request, (tag, value) => {
    if (tag === bytesTag(1)) {
      const address = value.bytes()
      if (addresses.length < LIMIT_ADDRESSES) addresses.push(address)
    } else if (tag === fixed64Tag(NONCE_FIELD.request)) nonce = unsigned(value.fixed64())
    else return false
    return true
  })
  return { kind: 'request', addresses, nonce }
}

/** @throws WireError for anything but a response or a wish for data */
export function decodeAnswer(bytes: Uint8Array): DialResponse | DialDataRequest {
  let response: Uint8Array | null = null
  let isDataWanted = false
  readFields(bytes, (tag, value) => {
    if (tag === bytesTag(2)) response = value.bytes()
    else if (tag === bytesTag(3)) isDataWanted = value.bytes().length >= 0
    else return false
    return true
  })
  if (isDataWanted) return { kind: 'data-request' }
  if (response === null) throw new WireError('no dial response')
  let status: number = RESPONSE.internalError
  let dialStatus: number = DIAL.unused
  readFields(response, (tag, value) => {
    if (tag === varintTag(1)) status = value.uint32()
    else if (tag === varintTag(3)) dialStatus = value.uint32()
    else return false
    return true
  })
  return { kind: 'response', status, dialStatus }
}

export function encodeDialBack(nonce: bigint): Uint8Array {
  return fixed64(NONCE_FIELD.dialBack, nonce)
}

/** @throws WireError */
export function decodeDialBack(bytes: Uint8Array): bigint {
  let nonce: bigint | null = null
  readFields(bytes, (tag, value) => {
    if (tag !== fixed64Tag(NONCE_FIELD.dialBack)) return false
    nonce = unsigned(value.fixed64())
    return true
  })
  if (nonce === null) throw new WireError('no nonce')
  return nonce
}

/** `DialBackResponse` with its only status, OK. */
export const DIAL_BACK_OK = Uint8Array.of(varintTag(1), 0)

/** protons-runtime 8.0 reads the upper half of the numbers as negative ones. */
function unsigned(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}

function fixed64Tag(field: number): number {
  return (field << 3) | FIXED64
}

function fixed64(field: number, value: bigint): Uint8Array {
  const bytes = Buffer.alloc(9)
  bytes.writeUInt8(fixed64Tag(field))
  bytes.writeBigUInt64LE(value, 1)
  return bytes
}
