import { decode, encode } from '@ipld/dag-cbor'

import { encodeFrame } from './frames.ts'

/**
 * `/<network>/pages/1.0.0`: who else can be reached through this relay, told as it changes. A client (a page in
 * a browser, mostly) opens one stream and keeps it; frames of `frames.ts` with DAG-CBOR go both ways:
 *
 *   client -> relay   { "r": bytes }                             its own signed PeerRecord in a RecordEnvelope,
 *                                                                once it has a reservation, and when it changes
 *   relay -> client   { "p"?: [ bytes, ... ], "g"?: [ text, ... ] }   records of others; peer IDs that are gone
 *
 * Unknown fields are ignored, so that later versions can add some.
 */
export function pagesProtocol(networkName: string): string {
  return `/${networkName}/pages/1.0.0`
}

/** A record with 16 relayed addresses of 200 bytes has 3.4 KiB. */
export const LIMIT_RECORD_BYTES = 4_096
/** Records, and peer IDs, of one frame. */
export const LIMIT_TOLD = 16
export const LIMIT_TELL_BYTES = LIMIT_RECORD_BYTES + 64
export const LIMIT_TOLD_BYTES = LIMIT_TOLD * (LIMIT_RECORD_BYTES + 8 + 72) + 64
/** An Ed25519 peer ID has 52 characters, others a little more. */
const LIMIT_ID_CHARACTERS = 64

/** Told to a client. */
export interface PagesNews {
  /** RecordEnvelopes, not verified. */
  readonly records: readonly Uint8Array[]
  /** Peer IDs of clients that can be reached here no longer. */
  readonly gone: readonly string[]
}

/** A remote broke the format; `message` says how, in our words. */
export class PagesFormatError extends Error {
  override readonly name = 'PagesFormatError'
  readonly code = 'PAGES_FORMAT'
}

export function encodeOwnRecord(record: Uint8Array): Uint8Array {
  return encodeFrame(encode({ r: record }))
}

/** @param content of one frame. @throws PagesFormatError */
export function decodeOwnRecord(content: Uint8Array): Uint8Array {
  return recordOf(mapOf(content).r)
}

export function encodeNews({ records, gone }: PagesNews): Uint8Array {
  return encodeFrame(encode({ p: [...records], g: [...gone] }))
}

/** @param content of one frame. @throws PagesFormatError */
export function decodeNews(content: Uint8Array): PagesNews {
  const { p = [], g = [] } = mapOf(content)
  if (!isShortList(p) || !isShortList(g)) {
    throw new PagesFormatError(`no lists of at most ${LIMIT_TOLD}`)
  }
  const gone = g.map((one) => {
    if (typeof one === 'string' && one.length <= LIMIT_ID_CHARACTERS) return one
    throw new PagesFormatError('a peer ID is no short text')
  })
  return { records: p.map(recordOf), gone }
}

function recordOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length <= LIMIT_RECORD_BYTES) return value
  throw new PagesFormatError(`a record is no bytes, or more than ${LIMIT_RECORD_BYTES}`)
}

function isShortList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= LIMIT_TOLD
}

function mapOf(content: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = decode(content)
  } catch (cause) {
    throw new PagesFormatError('not DAG-CBOR', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PagesFormatError('not a map')
  }
  return { ...value }
}
