import { decode, encode } from '@ipld/dag-cbor'

/**
 * Frames of `/<network>/peer-exchange/1.0.0`. One request, one reply, each an unsigned varint length
 * followed by so many bytes of DAG-CBOR:
 *
 *   request  { "n": 1..32 }                           most records wanted
 *   reply    { "p": [ bytes, ... ], "w"?: seconds }   at most 32 libp2p RecordEnvelopes, each holding a
 *                                                     signed PeerRecord; "w" asks to wait that long
 *
 * Unknown fields are ignored, so that later versions can add some.
 */
export const LIMIT_RECORDS = 32
/** An Ed25519 envelope with 16 addresses of 64 bytes has about 1.3 KiB. */
export const LIMIT_ENVELOPE_BYTES = 4096
export const LIMIT_REQUEST_BYTES = 256
export const LIMIT_REPLY_BYTES = LIMIT_RECORDS * (LIMIT_ENVELOPE_BYTES + 8) + 256

const LIMIT_WAIT_SECONDS = 3600

export interface ExchangeRequest {
  readonly limit: number
}

export interface ExchangeReply {
  readonly envelopes: readonly Uint8Array[]
  /** null: none asked for. */
  readonly waitSeconds: number | null
}

/** A remote broke the format; `message` says how, in our words. */
export class ExchangeFormatError extends Error {
  override readonly name = 'ExchangeFormatError'
  readonly code = 'PEER_EXCHANGE_FORMAT'
}

export function encodeRequest(request: ExchangeRequest): Uint8Array {
  return frame(encode({ n: request.limit }))
}

/** @throws ExchangeFormatError */
export function decodeRequest(bytes: Uint8Array): ExchangeRequest {
  const { n } = decodeMap(bytes)
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1) {
    throw new ExchangeFormatError('the number of records wanted is no positive integer')
  }
  return { limit: Math.min(n, LIMIT_RECORDS) }
}

export function encodeReply(reply: ExchangeReply): Uint8Array {
  const { envelopes, waitSeconds } = reply
  return frame(encode(waitSeconds === null ? { p: envelopes } : { p: envelopes, w: waitSeconds }))
}

/** @throws ExchangeFormatError */
export function decodeReply(bytes: Uint8Array): ExchangeReply {
  const { p, w } = decodeMap(bytes)
  if (!Array.isArray(p) || p.length > LIMIT_RECORDS) {
    throw new ExchangeFormatError(`not a list of at most ${LIMIT_RECORDS} records`)
  }
  const envelopes = p.map((one: unknown) => {
    if (!(one instanceof Uint8Array) || one.length > LIMIT_ENVELOPE_BYTES) {
      throw new ExchangeFormatError(`a record is no bytes, or more than ${LIMIT_ENVELOPE_BYTES}`)
    }
    return one
  })
  const isWait = typeof w === 'number' && w >= 0
  return { envelopes, waitSeconds: isWait ? Math.min(w, LIMIT_WAIT_SECONDS) : null }
}

/**
 * Reads one frame and returns its content. @throws ExchangeFormatError when it is longer than
 * `limitBytes`, cut off, or its length is no varint of at most 4 bytes.
 */
export async function readFrame(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array> {
  // Joined once the frame is whole: joined at each chunk, a frame of single bytes costs its square.
  const received: Uint8Array[] = []
  let bytes = 0
  let header: { size: number; length: number } | null = null
  for await (const chunk of chunks) {
    received.push(chunk)
    bytes += chunk.length
    header ??= parseLength(Buffer.concat(received))
    if (header === null) continue
    if (header.length > limitBytes) throw new ExchangeFormatError('the frame is too long')
    const end = header.size + header.length
    if (bytes >= end) return Buffer.concat(received).subarray(header.size, end)
  }
  throw new ExchangeFormatError('the stream ended within a frame')
}

function frame(content: Uint8Array): Uint8Array {
  const head: number[] = []
  let rest = content.length
  while (rest >= 0x80) {
    head.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  head.push(rest)
  return Buffer.concat([Uint8Array.from(head), content])
}

/** null while the length itself is incomplete. */
function parseLength(bytes: Uint8Array): { size: number; length: number } | null {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[i]
    if (byte === undefined) return null
    length |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { size: i + 1, length }
  }
  throw new ExchangeFormatError('the length is no varint of at most 4 bytes')
}

function decodeMap(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = decode(bytes)
  } catch (cause) {
    throw new ExchangeFormatError('not DAG-CBOR', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ExchangeFormatError('not a map')
  }
  return { ...value }
}
