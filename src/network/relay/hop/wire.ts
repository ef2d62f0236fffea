/**
 * Messages of circuit relay v2 (https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md), hop and
 * stop. Each travels as an unsigned varint length and so many bytes of protobuf. A field that is null is
 * absent. Units are the wire's: seconds and bytes.
 */
import { bytesTag, FieldWriter, readFields, varintTag, WireError } from './protobuf.ts'

export const HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop'
export const STOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/stop'

export const HOP_TYPE = { reserve: 0, connect: 1, status: 2 } as const
export const STOP_TYPE = { connect: 0, status: 1 } as const

export const STATUS = {
  ok: 100,
  reservationRefused: 200,
  resourceLimitExceeded: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformedMessage: 400,
  unexpectedMessage: 401,
} as const

export type Status = (typeof STATUS)[keyof typeof STATUS]

export interface WirePeer {
  /** A peer ID as a multihash. */
  readonly id: Uint8Array
  readonly addresses: readonly Uint8Array[]
}

export interface WireReservation {
  /** Seconds since 1970. */
  readonly expireSeconds: bigint
  /** Of the relay, each with its peer ID. */
  readonly addresses: readonly Uint8Array[]
  /** A signed envelope. */
  readonly voucher: Uint8Array | null
}

/** 0 or absent: no limit. */
export interface WireLimit {
  readonly durationSeconds: number | null
  /** In each direction. */
  readonly dataBytes: bigint | null
}

/** `type` and `status` are as received: they may be values that nobody knows. */
export interface HopMessage {
  readonly type: number | null
  readonly peer: WirePeer | null
  readonly reservation: WireReservation | null
  readonly limit: WireLimit | null
  readonly status: number | null
}

export type StopMessage = Omit<HopMessage, 'reservation'>

export function encodeHopMessage(message: Partial<HopMessage>): Uint8Array {
  const { type = null, peer = null, reservation = null, limit = null, status = null } = message
  return new FieldWriter()
    .uint32(1, type)
    .bytes(2, peer && encodePeer(peer))
    .bytes(3, reservation && encodeReservation(reservation))
    .bytes(4, limit && encodeLimit(limit))
    .uint32(5, status)
    .finish()
}

/** @throws WireError */
export function decodeHopMessage(bytes: Uint8Array): HopMessage {
  const message = emptyMessage()
  let reservation: WireReservation | null = null
  readFields(bytes, (tag, value) => {
    if (tag === varintTag(1)) message.type = value.uint32()
    else if (tag === bytesTag(2)) message.peer = decodePeer(value.bytes())
    else if (tag === bytesTag(3)) reservation = decodeReservation(value.bytes())
    else if (tag === bytesTag(4)) message.limit = decodeLimit(value.bytes())
    else if (tag === varintTag(5)) message.status = value.uint32()
    else return false
    return true
  })
  return { ...message, reservation }
}

export function encodeStopMessage(message: Partial<StopMessage>): Uint8Array {
  const { type = null, peer = null, limit = null, status = null } = message
  return new FieldWriter()
    .uint32(1, type)
    .bytes(2, peer && encodePeer(peer))
    .bytes(3, limit && encodeLimit(limit))
    .uint32(4, status)
    .finish()
}

/** @throws WireError */
export function decodeStopMessage(bytes: Uint8Array): StopMessage {
  const message = emptyMessage()
  readFields(bytes, (tag, value) => {
    if (tag === varintTag(1)) message.type = value.uint32()
    else if (tag === bytesTag(2)) message.peer = decodePeer(value.bytes())
    else if (tag === bytesTag(3)) message.limit = decodeLimit(value.bytes())
    else if (tag === varintTag(4)) message.status = value.uint32()
    else return false
    return true
  })
  return message
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function emptyMessage(): Writable<StopMessage> {
  return { type: null, peer: null, limit: null, status: null }
}

function encodePeer({ id, addresses }: WirePeer): Uint8Array {
  const fields = new FieldWriter().bytes(1, id)
  for (const address of addresses) fields.bytes(2, address)
  return fields.finish()
}

function decodePeer(bytes: Uint8Array): WirePeer {
  let id: Uint8Array | null = null
  const addresses: Uint8Array[] = []
  readFields(bytes, (tag, value) => {
    if (tag === bytesTag(1)) id = value.bytes()
    else if (tag === bytesTag(2)) addresses.push(value.bytes())
    else return false
    return true
  })
  if (id === null) throw new WireError('a peer has no id')
  return { id, addresses }
}

function encodeReservation({ expireSeconds, addresses, voucher }: WireReservation): Uint8Array {
  const fields = new FieldWriter().uint64(1, expireSeconds)
  for (const address of addresses) fields.bytes(2, address)
  return fields.bytes(3, voucher).finish()
}

function decodeReservation(bytes: Uint8Array): WireReservation {
  let expireSeconds = 0n
  let voucher: Uint8Array | null = null
  const addresses: Uint8Array[] = []
  readFields(bytes, (tag, value) => {
    if (tag === varintTag(1)) expireSeconds = value.uint64()
    else if (tag === bytesTag(2)) addresses.push(value.bytes())
    else if (tag === bytesTag(3)) voucher = value.bytes()
    else return false
    return true
  })
  return { expireSeconds, addresses, voucher }
}

function encodeLimit({ durationSeconds, dataBytes }: WireLimit): Uint8Array {
  return new FieldWriter().uint32(1, durationSeconds).uint64(2, dataBytes).finish()
}

function decodeLimit(bytes: Uint8Array): WireLimit {
  let durationSeconds: number | null = null
  let dataBytes: bigint | null = null
  readFields(bytes, (tag, value) => {
    if (tag === varintTag(1)) durationSeconds = value.uint32()
    else if (tag === varintTag(2)) dataBytes = value.uint64()
    else return false
    return true
  })
  return { durationSeconds, dataBytes }
}
