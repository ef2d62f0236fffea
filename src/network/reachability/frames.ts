import { WireError } from '../relay/hop/protobuf.ts'

/** Takes length-prefixed messages off a stream one by one. */
export class FrameReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #limitBytes: number
  #rest: Uint8Array = new Uint8Array()

  constructor(chunks: AsyncIterable<Uint8Array>, limitBytes: number) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#limitBytes = limitBytes
  }

  /** @throws WireError when the stream ends before, or the message is longer than the limit */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const header = lengthOf(this.#rest)
      if (header !== null && header.length > this.#limitBytes) {
        throw new WireError('the message is too long')
      }
      const end = header === null ? Number.POSITIVE_INFINITY : header.size + header.length
      if (header !== null && this.#rest.length >= end) {
        const message = this.#rest.subarray(header.size, end)
        this.#rest = this.#rest.subarray(end)
        return message
      }
      const { done, value } = await this.#chunks.next()
      if (done === true) throw new WireError('the stream ended within a message')
      this.#rest = Buffer.concat([this.#rest, value])
    }
  }
}

/** A message with its length in front. @param message at most 16 383 bytes */
export function framed(message: Uint8Array): Uint8Array {
  const { length } = message
  const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >>> 7]
  return Uint8Array.of(...head, ...message)
}

/** null while the length itself is incomplete. */
function lengthOf(bytes: Uint8Array): { size: number; length: number } | null {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[i]
    if (byte === undefined) return null
    length |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { size: i + 1, length }
  }
  throw new WireError('the length is no varint of at most 4 bytes')
}
