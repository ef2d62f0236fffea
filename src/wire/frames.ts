/** Frames of our protocols: an unsigned varint length of at most 4 bytes, then so many bytes. Runs in browsers too. */

const LENGTH_BYTES = 4

/** A remote broke the framing; `message` says how, in our words. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code = 'FRAME'
}

/** @param content less than 2^28 bytes */
export function encodeFrame(content: Uint8Array): Uint8Array {
  const head: number[] = []
  let rest = content.length
  while (rest >= 0x80) {
    head.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  head.push(rest)
  const bytes = new Uint8Array(head.length + content.length)
  bytes.set(head)
  bytes.set(content, head.length)
  return bytes
}

/** Cuts what arrives in chunks into frames; holds one frame and one chunk at most. */
export class FrameReader {
  readonly #limitBytes: number
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** What has to be held before it is worth looking again: joined at each byte, a frame costs its square. */
  #wantedBytes = 1

  /** @param limitBytes of one frame's content */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** @returns the contents of frames that are whole now. @throws FrameError */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes < this.#wantedBytes) return []
    const bytes = joined(this.#held, this.#heldBytes)
    const frames: Uint8Array[] = []
    let offset = 0
    for (;;) {
      const head = readLength(bytes, offset)
      if (head === null) {
        this.#wantedBytes = bytes.length - offset + 1
        break
      }
      if (head.length > this.#limitBytes) throw new FrameError('the frame is too long')
      const end = head.start + head.length
      if (end > bytes.length) {
        this.#wantedBytes = end - offset
        break
      }
      frames.push(bytes.subarray(head.start, end))
      offset = end
    }
    this.#held = offset < bytes.length ? [bytes.slice(offset)] : []
    this.#heldBytes = bytes.length - offset
    return frames
  }
}

/** null while the length itself is incomplete. @throws FrameError */
function readLength(
  bytes: Uint8Array,
  offset: number,
): { readonly start: number; readonly length: number } | null {
  let length = 0
  for (let i = 0; i < LENGTH_BYTES; i++) {
    const byte = bytes[offset + i]
    if (byte === undefined) return null
    length |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { start: offset + i + 1, length }
  }
  throw new FrameError('the length is no varint of at most 4 bytes')
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(bytes)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
