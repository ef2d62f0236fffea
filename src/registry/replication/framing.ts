/** Bytes from a peer that are not a sequence of CBOR items within the limits. */
export class FramingError extends Error {
  override readonly name = 'FramingError'
  readonly code: 'ITEM_TOO_LARGE' | 'TOO_MUCH' | 'MALFORMED' | 'TRUNCATED'

  constructor(code: FramingError['code']) {
    super(`the stream is no sequence of CBOR items within its limits: ${code}`)
    this.code = code
  }
}

export interface FramingLimits {
  readonly itemBytes: number
  readonly items: number
  readonly totalBytes: number
}

/**
 * Splits a byte stream into CBOR items. OrbitDB's wire format is items one after another with nothing
 * between them, and chunks end anywhere (sync.js of @orbitdb/core 4.0.0 takes a chunk for an item and
 * loses heads). Each byte is looked at once and nothing is decoded here.
 * @throws FramingError
 */
export async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  limits: FramingLimits,
): AsyncGenerator<Uint8Array> {
  let item = new ItemBoundary(limits.itemBytes)
  let parts: Uint8Array[] = []
  let totalBytes = 0
  let items = 0
  for await (const chunk of chunks) {
    totalBytes += chunk.length
    if (totalBytes > limits.totalBytes) throw new FramingError('TOO_MUCH')
    let start = 0
    while (start < chunk.length) {
      const end = item.read(chunk, start)
      // A copy, which a Buffer's own `slice` is not: the chunk may be a view of a far larger buffer.
      parts.push(Uint8Array.prototype.slice.call(chunk, start, end))
      start = end
      if (!item.isComplete) continue
      items += 1
      if (items > limits.items) throw new FramingError('TOO_MUCH')
      yield parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
      item = new ItemBoundary(limits.itemBytes)
      parts = []
    }
  }
  if (parts.length > 0) throw new FramingError('TRUNCATED')
}

const STRING_TYPES = [2, 3]

/** Finds where one CBOR item of definite length ends (RFC 8949, section 3), without recursion. */
class ItemBoundary {
  readonly #limitBytes: number
  #readBytes = 0
  /** Items still to come before this one, with all it holds, is complete. */
  #openItems = 1
  /** Bytes of a string still to skip. */
  #skipBytes = 0
  #majorType = 0
  /** Bytes of a head's argument still to read, and its value so far. */
  #argumentBytes = 0
  #argument = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get isComplete(): boolean {
    return this.#openItems === 0 && this.#skipBytes === 0 && this.#argumentBytes === 0
  }

  /** @returns the offset after the last byte that belongs to this item. */
  read(chunk: Uint8Array, start: number): number {
    let at = start
    while (at < chunk.length && !this.isComplete) {
      const taken = this.#skipBytes > 0 ? Math.min(this.#skipBytes, chunk.length - at) : 1
      if (this.#skipBytes > 0) this.#skipBytes -= taken
      else this.#readHeadByte(chunk[at] ?? 0)
      at += taken
      this.#readBytes += taken
      // What is still announced needs a byte each at least, so a lie about sizes ends here too.
      if (this.#readBytes + this.#skipBytes + this.#openItems > this.#limitBytes + 1) {
        throw new FramingError('ITEM_TOO_LARGE')
      }
    }
    return at
  }

  #readHeadByte(byte: number): void {
    if (this.#argumentBytes > 0) {
      this.#argument = this.#argument * 256 + byte
      this.#argumentBytes -= 1
      if (this.#argumentBytes === 0) this.#endHead()
      return
    }
    this.#majorType = byte >> 5
    const info = byte & 31
    if (info > 27) throw new FramingError('MALFORMED')
    this.#argument = info < 24 ? info : 0
    this.#argumentBytes = info < 24 ? 0 : 2 ** (info - 24)
    if (this.#argumentBytes === 0) this.#endHead()
  }

  #endHead(): void {
    if (this.#majorType === 6) return
    this.#openItems -= 1
    if (STRING_TYPES.includes(this.#majorType)) this.#skipBytes = this.#argument
    else if (this.#majorType === 4) this.#openItems += this.#argument
    else if (this.#majorType === 5) this.#openItems += 2 * this.#argument
  }
}
