import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

import { NetworkError } from './errors.ts'
import { keepCompact } from './guards/compact-list.ts'
import type { PeerStream } from './types.ts'

export interface PeerStreamLimits {
  /** Bytes that wait for their reader; from then on the peer is held back. */
  readonly maxUnreadBytes: number
  /** Bytes handed to the muxer at once. */
  readonly sendSliceBytes: number
}

/**
 * A libp2p stream as the rest of the node sees it. It is paused until somebody reads, and again while
 * the reader is behind: what is unread stays below `maxUnreadBytes` and two receive windows.
 */
export class Libp2pPeerStream implements PeerStream {
  readonly peerId: string
  readonly #stream: Stream
  readonly #limits: PeerStreamLimits
  /** In few chunks, however short those are that come. */
  readonly #inbox = new Uint8ArrayList()
  #isRemoteDone: boolean
  #isResuming = false
  #end: { readonly error: Error | null } | null = null
  #wakeReader: (() => void) | null = null

  constructor(stream: Stream, peerId: string, limits: PeerStreamLimits) {
    this.#stream = stream
    this.peerId = peerId
    this.#limits = limits
    keepCompact(this.#inbox)
    this.#isRemoteDone = stream.remoteWriteStatus === 'closed'
    if (stream.readStatus === 'readable') stream.pause()
    stream.addEventListener('message', (event) => this.#onMessage(event.data))
    stream.addEventListener('remoteCloseWrite', () => {
      this.#isRemoteDone = true
    })
    stream.addEventListener('end', () => this.#onEnd())
    stream.addEventListener('close', (event) => {
      if (event.error !== undefined) this.#finish(resetError(event.error))
    })
    // Whatever ended the stream before this moment was no orderly end of both sides.
    if (stream.status !== 'open') this.#finish(resetError(undefined))
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    for (;;) {
      const [chunk] = this.#inbox
      if (chunk !== undefined) {
        this.#inbox.consume(chunk.byteLength)
        yield chunk
        continue
      }
      if (this.#end?.error != null) throw this.#end.error
      if (this.#end !== null) return
      await this.#arrival()
    }
  }

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { sendSliceBytes } = this.#limits
    for (let offset = 0; offset < bytes.byteLength; offset += sendSliceBytes) {
      signal.throwIfAborted()
      await this.#sendSlice(bytes.subarray(offset, offset + sendSliceBytes), signal)
    }
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#stream.close({ signal })
  }

  abort(reason: Error): void {
    this.#stream.abort(reason)
  }

  async #sendSlice(slice: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      this.#stream.send(slice)
    } catch (error) {
      throw resetError(error)
    }
    // The stream's own onDrain() resolves at once from its second use on (@libp2p/utils 7.4).
    while (this.#stream.writableNeedsDrain) await this.#drained(signal)
  }

  #drained(signal: AbortSignal): Promise<void> {
    const stream = this.#stream
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onDrain = () => resolve()
    const onClose = () => reject(resetError(undefined))
    const onAbort = () => reject(signal.reason)
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else if (stream.status !== 'open') onClose()
    return promise.finally(() => {
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
      signal.removeEventListener('abort', onAbort)
    })
  }

  /** Resolves when there is something to read or the end is known. */
  async #arrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wakeReader = resolve
    this.#resume()
    // The end event may have been before the last bytes: what negotiation read too much of is put back
    // into a stream that told of its end already (@libp2p/utils 7.4).
    if (this.#isRemoteDone && this.#stream.readBufferLength === 0) this.#onEnd()
    if (this.#inbox.byteLength > 0 || this.#end !== null) resolve()
    await promise
    this.#wakeReader = null
  }

  #resume(): void {
    if (this.#stream.readStatus !== 'paused') return
    this.#isResuming = true
    try {
      this.#stream.resume()
    } catch {
      // Resuming a stream whose connection is gone hands over what was buffered, then fails to tell
      // the peer so: the end event says the rest.
    }
    this.#isResuming = false
    this.#holdBack()
  }

  /**
   * Pauses while the reader is behind; not within `resume()`, which hands over what was buffered and then
   * grants the peer a window, pause or no pause, and one again with each frame (@libp2p/utils 7.4).
   */
  #holdBack(): void {
    const isBehind = this.#inbox.byteLength >= this.#limits.maxUnreadBytes
    if (!isBehind || this.#isResuming) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #onMessage(data: Uint8Array | Uint8ArrayList): void {
    this.#inbox.append(data)
    this.#holdBack()
    this.#wakeReader?.()
  }

  #onEnd(): void {
    // A connection that ends takes its streams along in order; only the peer's word is a true end.
    this.#finish(this.#isRemoteDone ? null : resetError(undefined))
  }

  #finish(error: Error | null): void {
    this.#end ??= { error }
    this.#wakeReader?.()
  }
}

function resetError(cause: unknown): NetworkError {
  return new NetworkError('STREAM_RESET', 'the stream was reset', {}, cause)
}
