import { type Reader, reader, type Writer, writer } from 'protons-runtime'

/** A remote's message breaks the format; `message` says how, in our words. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code = 'RELAY_WIRE'
}

/** Takes the field's value off the reader and returns true, or leaves both alone and returns false. */
export type FieldTaker = (tag: number, value: Reader) => boolean

const VARINT = 0
const BYTES = 2

/** Number and wire type of a field that holds an integer. */
export function varintTag(field: number): number {
  return (field << 3) | VARINT
}

/** Number and wire type of a field that holds bytes or a message. */
export function bytesTag(field: number): number {
  return (field << 3) | BYTES
}

/**
 * Walks through the fields of one message. What nobody takes is skipped: later versions may add fields.
 * @throws WireError for what is no protobuf
 */
export function readFields(bytes: Uint8Array, take: FieldTaker): void {
  const fields = reader(bytes)
  try {
    while (fields.pos < fields.len) {
      const tag = fields.uint32()
      if (tag >>> 3 === 0) throw new RangeError('a field has number 0')
      if (!take(tag, fields)) fields.skipType(tag & 7)
      // Of an integer at the very end protons-runtime 8.0 does not see that it is cut off.
      const last = bytes[fields.pos - 1]
      const isOpen = (tag & 7) === VARINT && (last ?? 0) >= 0x80
      if (last === undefined || isOpen) throw new RangeError('the last field is cut off')
    }
  } catch (cause) {
    if (cause instanceof WireError) throw cause
    throw new WireError('the message is no protobuf', { cause })
  }
}

/** Collects fields in the order of the calls; those that are null are left out. */
export class FieldWriter {
  readonly #writer: Writer = writer()

  uint32(field: number, value: number | null): this {
    if (value !== null) this.#writer.uint32(varintTag(field)).uint32(value)
    return this
  }

  uint64(field: number, value: bigint | null): this {
    if (value !== null) this.#writer.uint32(varintTag(field)).uint64(value)
    return this
  }

  bytes(field: number, value: Uint8Array | null): this {
    if (value !== null) this.#writer.uint32(bytesTag(field)).bytes(value)
    return this
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}
