import { hash as digestOf } from 'node:crypto'

import { cidOf, encodeValue } from './entry-codec.ts'

/**
 * CAR version 1, as much of it as this registry needs: a header with one root, then blocks, each behind
 * its length and its name. Every name is a CIDv1, dag-cbor, sha2-256, which takes 36 bytes.
 * Source: https://ipld.io/specs/transport/car/carv1/
 */
export const NAME_BYTES = 36
/** CIDv1, dag-cbor, sha2-256, 32 bytes: what the digest follows. */
const NAME_PREFIX = Uint8Array.of(1, 0x71, 0x12, 32)
/** A longer varint would say more than any limit here. */
const VARINT_LIMIT_BYTES = 4

export type CarErrorCode = 'CUT_OFF' | 'TOO_LARGE' | 'MALFORMED'

/** Bytes that are no CAR within its limits. */
export class CarError extends Error {
  override readonly name = 'CarError'
  readonly code: CarErrorCode
  /** Where the frame begins in which it was noticed. */
  readonly offset: number

  /** @param problem what is wrong, in words for an operator */
  constructor(code: CarErrorCode, problem: string, offset: number) {
    super(problem)
    this.code = code
    this.offset = offset
  }
}

/** The header of a CAR with this one root, behind its length. */
export function carHeader(root: string): Uint8Array {
  const header = encodeValue({ roots: [cidOf(root)], version: 1 })
  return Buffer.concat([varint(header.length), header])
}

/** A block behind its length and its name. @param name the one that its bytes give it, where it is known */
export function carSection(bytes: Uint8Array, name: Uint8Array = nameOf(bytes)): Uint8Array {
  return Buffer.concat([varint(NAME_BYTES + bytes.length), name, bytes])
}

function nameOf(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([NAME_PREFIX, digestOf('sha256', bytes, 'buffer')])
}

/** Whether a section's bytes are what the name before them says. */
export function isNamedRight(section: Uint8Array): boolean {
  if (section.length < NAME_BYTES || !NAME_PREFIX.every((byte, i) => section[i] === byte)) {
    return false
  }
  const digest = digestOf('sha256', section.subarray(NAME_BYTES), 'buffer')
  return digest.equals(section.subarray(NAME_PREFIX.length, NAME_BYTES))
}

/**
 * Cuts a byte stream into what its length prefixes say, wherever chunks end. It holds what has arrived of
 * one frame, which is never more than its limit.
 */
export class FrameCutter {
  /** Of the frame that begins next, its length aside. */
  limitBytes: number
  #at = 0
  #start = 0
  #length = 0
  #lengthBytes = 0
  /** Bytes of the frame under way that have not arrived; null while its length is read. */
  #missing: number | null = null
  #parts: Uint8Array[] = []

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Where the frame that is cut next begins. */
  get offset(): number {
    return this.#start
  }

  /** Yields the frames that end in this chunk, as views where they lie in it whole. @throws CarError. */
  *cut(chunk: Uint8Array): Generator<Uint8Array> {
    const base = this.#at
    let at = 0
    while (at < chunk.length) {
      if (this.#missing === null) {
        this.#readLength(chunk[at] ?? 0)
        at += 1
      } else {
        const end = Math.min(at + this.#missing, chunk.length)
        this.#parts.push(chunk.subarray(at, end))
        this.#missing -= end - at
        at = end
      }
      this.#at = base + at
      if (this.#missing === 0) yield this.#endFrame()
    }
  }

  /** To be called at the end of the stream. @throws CarError when it ends within a frame. */
  end(): void {
    if (this.#at > this.#start) throw new CarError('CUT_OFF', 'it is cut off', this.#start)
  }

  #readLength(byte: number): void {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes)
    this.#lengthBytes += 1
    if (byte >= 0x80) {
      if (this.#lengthBytes < VARINT_LIMIT_BYTES) return
      throw new CarError('MALFORMED', 'a length is no length', this.#start)
    }
    if (byte === 0 && this.#lengthBytes > 1) {
      throw new CarError('MALFORMED', 'a length has two spellings', this.#start)
    }
    if (this.#length > this.limitBytes) {
      throw new CarError('TOO_LARGE', 'a block is too large', this.#start)
    }
    this.#missing = this.#length
  }

  #endFrame(): Uint8Array {
    const [only = new Uint8Array(), ...others] = this.#parts
    const frame = others.length === 0 ? only : Buffer.concat(this.#parts)
    this.#parts = []
    this.#missing = null
    this.#length = 0
    this.#lengthBytes = 0
    this.#start = this.#at
    return frame
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
