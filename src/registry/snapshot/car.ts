import { CID } from 'multiformats/cid'
import {
  cidOf,
  decodeValue,
  encodeValue,
  hashOf,
  hashOfCid,
  isSameBytes,
} from '../store/entry-codec.ts'
import { SnapshotError } from './errors.ts'

/**
 * CAR version 1, as much of it as a snapshot needs: a header with one root, then blocks, each behind its
 * length and its name. Every name is a CIDv1, dag-cbor, sha2-256, which takes 36 bytes.
 * Source: https://ipld.io/specs/transport/car/carv1/
 */
const NAME_BYTES = 36
const HEADER_LIMIT_BYTES = 128
/** A longer varint would say more than any limit here. */
const VARINT_LIMIT_BYTES = 4

export interface CarLimits {
  readonly blockBytes: number
  /** The first block. */
  readonly rootBytes: number
  readonly blocks: number
}

export interface CarBlock {
  readonly hash: string
  readonly bytes: Uint8Array
  /** Whether the bytes are what the name says. */
  readonly isIntact: boolean
}

/** The header and the root block, which comes first. */
export function carHead(rootBytes: Uint8Array): Uint8Array {
  const root = hashOf(rootBytes)
  const header = encodeValue({ roots: [cidOf(root)], version: 1 })
  return Buffer.concat([varint(header.length), header, carSection(root, rootBytes)])
}

export function carSection(hash: string, bytes: Uint8Array): Uint8Array {
  const name = cidOf(hash).bytes
  return Buffer.concat([varint(name.length + bytes.length), name, bytes])
}

/**
 * Yields the blocks of a CAR in order, the root first, each hashed; a damaged root is an error, for
 * nothing can be said of the rest. At most one block is held. @throws SnapshotError `MALFORMED`, `DAMAGED`.
 */
export async function* readCar(
  chunks: AsyncIterable<Uint8Array>,
  limits: CarLimits,
): AsyncGenerator<CarBlock> {
  const reader = new FrameReader(chunks)
  const header = await reader.next(HEADER_LIMIT_BYTES)
  const root = header === null ? null : readRoot(header)
  if (root === null) throw malformed('it does not begin like one', 0)
  let blocks = 0
  for (;;) {
    const offset = reader.offset
    const limitBytes = blocks === 0 ? limits.rootBytes : limits.blockBytes
    const section = await reader.next(NAME_BYTES + limitBytes)
    if (section === null) break
    blocks += 1
    if (blocks > limits.blocks) throw malformed('it has too many blocks', offset)
    yield readSection(section, offset, blocks === 1 ? root : null)
  }
  if (blocks === 0) throw malformed('it ends before its manifest', reader.offset)
}

function readRoot(bytes: Uint8Array): string | null {
  try {
    const header = decodeValue(bytes) as { readonly roots?: unknown } | null
    const cid = Array.isArray(header?.roots) ? CID.asCID(header.roots[0]) : null
    const root = cid === null ? null : hashOfCid(cid)
    if (root === null) return null
    // One spelling: the same header again has to be the same bytes.
    return isSameBytes(encodeValue({ roots: [cidOf(root)], version: 1 }), bytes) ? root : null
  } catch {
    return null
  }
}

function readSection(section: Uint8Array, offset: number, root: string | null): CarBlock {
  const hash = readName(section, offset)
  // A copy of its own: the frame may be a view of a chunk.
  const bytes = section.slice(NAME_BYTES)
  const isIntact = hashOf(bytes) === hash
  if (root !== null && hash !== root) throw malformed('its first block is not its root', offset)
  if (root !== null && !isIntact) {
    throw new SnapshotError('DAMAGED', 'the manifest of the snapshot is damaged', { offset, hash })
  }
  return { hash, bytes, isIntact }
}

function readName(section: Uint8Array, offset: number): string {
  try {
    const hash = hashOfCid(CID.decode(section.subarray(0, NAME_BYTES)))
    if (hash !== null) return hash
  } catch {
    // Said below.
  }
  throw malformed('a block has a name of another kind', offset)
}

/** Cuts a byte stream into what its length prefixes say. */
class FrameReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Bytes taken so far. */
  offset = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  /** @returns null at the end. @throws SnapshotError when it is longer than the limit or cut off. */
  async next(limitBytes: number): Promise<Uint8Array | null> {
    const start = this.offset
    let length = 0
    for (let i = 0; ; i += 1) {
      const [byte] = (await this.#take(1)) ?? []
      if (byte === undefined && i === 0) return null
      if (byte === undefined) throw malformed('it is cut off', start)
      length += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw malformed('a length has two spellings', start)
        break
      }
      if (i + 1 >= VARINT_LIMIT_BYTES) throw malformed('a length is no length', start)
    }
    if (length > limitBytes) throw malformed('a block is too large', start)
    const frame = await this.#take(length)
    if (frame === null) throw malformed('it is cut off', start)
    return frame
  }

  /** Exactly so many bytes, or null when the stream ends before. */
  async #take(count: number): Promise<Uint8Array | null> {
    while (this.#pendingBytes < count) {
      const { done, value } = await this.#iterator.next()
      if (done === true) return null
      this.#pending.push(value)
      this.#pendingBytes += value.length
    }
    this.offset += count
    this.#pendingBytes -= count
    const first = this.#pending[0] ?? new Uint8Array()
    if (first.length >= count) {
      this.#pending[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    const all = Buffer.concat(this.#pending)
    this.#pending = [all.subarray(count)]
    return all.subarray(0, count)
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

function malformed(problem: string, offset: number): SnapshotError {
  const message = `the file is no whole snapshot: ${problem} (byte ${offset})`
  return new SnapshotError('MALFORMED', message, { offset })
}
