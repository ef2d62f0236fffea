import { Uint8ArrayList } from 'uint8arraylist'

/** A first block is this small, so that a circuit that holds a few bytes costs little. */
const MIN_BLOCK_BYTES = 4_096
const MAX_BLOCK_BYTES = 32_768

interface Block {
  readonly bytes: Uint8Array
  /** Where the next byte is taken from, and where the next one goes. */
  start: number
  end: number
}

/** A chunk that is so much of the buffer it lies in is kept as it is: at most a third more than is counted. */
const KEPT_SHARE = 3 / 4

/**
 * Bytes that wait, first in first out. Small ones are copied together: a frame of one byte would otherwise keep
 * the 64 KiB it arrived in, and 128 Ki frames of one byte cost 30 MB of objects.
 */
export class HeldBytes {
  #blocks: Block[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  append(chunks: Iterable<Uint8Array>): void {
    for (const chunk of chunks) {
      const isWhole = chunk.byteLength >= chunk.buffer.byteLength * KEPT_SHARE
      if (isWhole && chunk.byteLength >= MIN_BLOCK_BYTES) this.#keep(chunk)
      else this.#copy(chunk)
    }
  }

  /** The first `count` bytes, fewer when fewer wait; views that nothing here writes to again. */
  take(count: number): Uint8ArrayList {
    const taken = new Uint8ArrayList()
    for (;;) {
      const block = this.#blocks[0]
      const wanted = count - taken.byteLength
      if (block === undefined || wanted <= 0) break
      const end = Math.min(block.end, block.start + wanted)
      taken.append(block.bytes.subarray(block.start, end))
      block.start = end
      if (block.start === block.end) this.#blocks.shift()
    }
    this.#size -= taken.byteLength
    return taken
  }

  clear(): void {
    this.#blocks = []
    this.#size = 0
  }

  #keep(chunk: Uint8Array): void {
    this.#blocks.push({ bytes: chunk, start: 0, end: chunk.byteLength })
    this.#size += chunk.byteLength
  }

  #copy(chunk: Uint8Array): void {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const block = this.#roomFor(chunk.byteLength - offset)
      const part = chunk.subarray(offset, offset + block.bytes.byteLength - block.end)
      block.bytes.set(part, block.end)
      block.end += part.byteLength
      offset += part.byteLength
    }
    this.#size += chunk.byteLength
  }

  #roomFor(bytes: number): Block {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.end < last.bytes.byteLength) return last
    const size = Math.min(MAX_BLOCK_BYTES, Math.max(MIN_BLOCK_BYTES, bytes))
    const block = { bytes: new Uint8Array(size), start: 0, end: 0 }
    this.#blocks.push(block)
    return block
  }
}
