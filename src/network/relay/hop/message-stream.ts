import type { Stream } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'

import { LIMIT_EARLY_BYTES, LIMIT_MESSAGE_BYTES } from './constants.ts'
import { WireError } from './protobuf.ts'

export interface ReceivedMessage {
  /** Without its length. */
  readonly message: Uint8Array
  /** What came in the same chunks after it; further bytes wait in the stream. */
  readonly rest: Uint8Array
}

/**
 * Reads one length-prefixed message, the first on this stream, and leaves the stream paused: whoever reads on
 * gets `rest` and then what the stream holds, no byte lost or twice.
 * @param limitBytes of the message. @default what a hop or stop message has
 * @throws WireError for a length or an end that is wrong, or too many bytes behind; the signal's reason
 */
export async function readMessage(
  stream: Stream,
  signal: AbortSignal,
  limitBytes: number = LIMIT_MESSAGE_BYTES,
): Promise<ReceivedMessage> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<ReceivedMessage>()
  const frame = new FrameCollector(limitBytes)
  const attempt = (step: () => ReceivedMessage | null) => {
    try {
      const received = step()
      if (received === null) return
      // The library's own readers leave the stream flowing between two listeners, without any bound.
      if (stream.readStatus === 'readable') stream.pause()
      resolve(received)
    } catch (error) {
      reject(error)
    }
  }
  const onEnd = () => reject(new WireError('the stream ended within a message'))
  const onMessage = ({ data }: { data: Uint8Array | { subarray(): Uint8Array } }) => {
    attempt(() => frame.add(data.subarray()))
    // Its end may have been told before bytes that negotiation put back (@libp2p/utils 7.4).
    if (stream.remoteWriteStatus === 'closed') onEnd()
  }
  const onAbort = () => reject(signal.reason)
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onEnd)
  signal.addEventListener('abort', onAbort)
  const isOver = stream.remoteWriteStatus === 'closed' || stream.status !== 'open'
  if (isOver && stream.readBufferLength === 0) onEnd()
  try {
    return await promise
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onEnd)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Sends one message with its length. @throws when the stream is closed for writing */
export function sendMessage(stream: Stream, message: Uint8Array): void {
  stream.send(concat([Uint8Array.from(varint(message.length)), message]))
}

/** Chunks until they hold one whole message, joined once: single bytes must not cost their square. */
class FrameCollector {
  readonly #limitBytes: number
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #header: { readonly size: number; readonly length: number } | null = null

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** @throws WireError */
  add(chunk: Uint8Array): ReceivedMessage | null {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#header ??= parseLength(concat(this.#chunks))
    if (this.#header === null) return null
    const { size, length } = this.#header
    if (length > this.#limitBytes) throw new WireError('the message is too long')
    const end = size + length
    if (this.#bytes < end) return null
    if (this.#bytes - end > LIMIT_EARLY_BYTES) throw new WireError('too much came before an answer')
    const bytes = concat(this.#chunks)
    return { message: bytes.subarray(size, end), rest: bytes.subarray(end) }
  }
}

/** null while the length itself is incomplete. */
function parseLength(bytes: Uint8Array): { size: number; length: number } | null {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[i]
    if (byte === undefined) return null
    length |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { size: i + 1, length }
  }
  throw new WireError('the length is no varint of at most 4 bytes')
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}
