/** What is said on the pipe between the node and the process that speaks WebRTC. */
export const FRAME = {
  /** Of no connection: the payload is one of `messages.ts`, in JSON. */
  word: 0,
  /** The child has one that is through its handshake; the payload says who and where. */
  open: 1,
  /** The node keeps it. */
  accept: 2,
  data: 3,
  /** Nothing more comes. */
  close: 4,
  reset: 5,
} as const

export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

/** Kind, connection, and how many bytes follow. */
const HEAD_BYTES = 9
/** Of a payload that is no data: a certificate with its key. */
const MOST_BYTES = 8 * 1024
const NOTHING = Buffer.alloc(0)

export function frameHead(kind: FrameKind, connection: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt8(kind, 0)
  head.writeUInt32BE(connection, 1)
  head.writeUInt32BE(length, 5)
  return head
}

/** Takes frames from the bytes of a pipe. Data are handed on as they come, other payloads whole. */
export class FrameReader {
  readonly #onFrame: (kind: number, connection: number, payload: Uint8Array) => void
  /** The beginning of a frame that is not there yet. */
  #begun: Buffer = NOTHING
  #connection = 0
  /** Of the data that are arriving. */
  #missingBytes = 0

  /** @param onFrame gets copies: what somebody keeps of them must not keep all that came at once */
  constructor(onFrame: (kind: number, connection: number, payload: Uint8Array) => void) {
    this.#onFrame = onFrame
  }

  /** @throws RangeError for what the other end never sends */
  read(chunk: Buffer): void {
    let rest = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
    this.#begun = NOTHING
    while (rest.length > 0) {
      const taken = this.#missingBytes > 0 ? this.#readData(rest) : this.#readHead(rest)
      if (taken === 0) break
      rest = rest.subarray(taken)
    }
    if (rest.length > 0) this.#begun = Buffer.from(rest)
  }

  /** @returns how many bytes were taken */
  #readData(bytes: Buffer): number {
    const part = bytes.subarray(0, this.#missingBytes)
    this.#missingBytes -= part.length
    this.#onFrame(FRAME.data, this.#connection, Uint8Array.from(part))
    return part.length
  }

  #readHead(bytes: Buffer): number {
    if (bytes.length < HEAD_BYTES) return 0
    const kind = bytes.readUInt8(0)
    const connection = bytes.readUInt32BE(1)
    const length = bytes.readUInt32BE(5)
    if (kind === FRAME.data) {
      this.#connection = connection
      this.#missingBytes = length
      return HEAD_BYTES
    }
    if (length > MOST_BYTES) throw new RangeError(`a frame of ${length} bytes`)
    const end = HEAD_BYTES + length
    if (bytes.length < end) return 0
    this.#onFrame(kind, connection, Uint8Array.from(bytes.subarray(HEAD_BYTES, end)))
    return end
  }
}
