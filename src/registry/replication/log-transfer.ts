import type { StreamHandlerOptions } from '../../network/types.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import { isPlainObject } from '../records/fields.ts'
import { carHeader } from '../store/car.ts'
import { decodeValue, encodeValue, isHash } from '../store/entry-codec.ts'
import { LogSketch } from '../store/log-sketch.ts'
import type { FramingLimits } from './framing.ts'

/**
 * Brings what a log lacks in one stream. The request names the log, some entries the asker has, lost
 * blocks it wants, how many entries it takes before their parents, a sketch of all it has, for entries
 * need not link to each other, and where the transfer before was cut short. The answer is a CAR: what
 * was lost, then so many of the entries that count, then every other one, parents first. So what comes in
 * its turn is joined on arrival, and a transfer cut short has still brought the log forward.
 *
 * The answer flows in pages: each time the blocks sent make up another `PAGE_BYTES`, the sender waits for
 * one byte. Joining is slower than a network, and a page is what fits into a stream's window and read
 * buffer whatever the muxer makes of a reader that is behind.
 */
export const NAMES_LIMIT = 64
export const WANTED_LIMIT = 32
/** With the block that completes it, a page has at most 256 KiB. */
export const PAGE_BYTES = 240 * 1024
/** Asks for the next page: the CBOR item `true`. */
export const NEXT_PAGE = encodeValue(true)
/** The request, and a byte for each further page. */
export const REQUEST_LIMITS: FramingLimits = { itemBytes: 16_384, items: 1024, totalBytes: 17_408 }
/** One transfer; a larger log takes another, which begins where this one ended. */
export const ANSWER_LIMITS: FramingLimits = {
  itemBytes: MAX_ENTRY_BYTES,
  items: 20_000,
  totalBytes: 64 * 1024 * 1024,
}
/** Entries taken before their parents in one transfer, and their bytes. */
export const FIRST_LIMIT = 10_000
export const FIRST_BYTES = 8 * 1024 * 1024

export const TRANSFER_DEADLINE_MS = 60_000

export const TRANSFER_HANDLER_OPTIONS: StreamHandlerOptions = {
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  timeoutMs: TRANSFER_DEADLINE_MS,
}

/** The protocol's name in this network: stations of another one do not speak it. */
export function transferProtocol(networkName: string): string {
  return `/${networkName}/blocks/1.0.0`
}

export interface TransferRequest {
  readonly log: string
  readonly have: readonly string[]
  readonly want: readonly string[]
  /** How many entries may come before their parents. */
  readonly first: number
  /** Of all entries the asker has; null: it has none, or wants all. */
  readonly sketch: LogSketch | null
  /** The last entry of the transfer that this one goes on from, in the order of its sender; null: of none. */
  readonly after: string | null
}

/** One CBOR item with the fields of the request, its sketch as bytes. `parseTransferRequest` reads it. */
export function encodeTransferRequest({ sketch, ...rest }: TransferRequest): Uint8Array {
  return encodeValue({ ...rest, sketch: sketch?.encode() ?? null })
}

/** Reads an untrusted request. @returns null for anything but a well-formed one. */
export function parseTransferRequest(bytes: Uint8Array): TransferRequest | null {
  let raw: unknown
  try {
    raw = decodeValue(bytes)
  } catch {
    return null
  }
  if (!isPlainObject(raw) || typeof raw.log !== 'string') return null
  const { log, first } = raw
  const have = readNames(raw.have, NAMES_LIMIT)
  const want = readNames(raw.want, WANTED_LIMIT)
  if (have === null || want === null) return null
  if (typeof first !== 'number' || !Number.isInteger(first)) return null
  if (first < 0 || first > FIRST_LIMIT) return null
  const sketch = raw.sketch instanceof Uint8Array ? LogSketch.decode(raw.sketch) : null
  const after = isHash(raw.after) ? raw.after : null
  const isRight = isReadOrAbsent(raw.sketch, sketch) && isReadOrAbsent(raw.after, after)
  return isRight ? { log, have, want, first, sketch, after } : null
}

/** Whether a field was read, or there is none. */
function isReadOrAbsent(raw: unknown, read: unknown): boolean {
  return read !== null || raw === null || raw === undefined
}

function readNames(raw: unknown, limit: number): string[] | null {
  if (!Array.isArray(raw) || raw.length > limit) return null
  const names = raw.filter(isHash)
  return names.length === raw.length ? names : null
}

/** How the answer begins: a CAR header whose one root is the log's own name, the hash in its address. */
export function answerHeader(address: string): Uint8Array {
  return carHeader(address.slice(address.lastIndexOf('/') + 1))
}
