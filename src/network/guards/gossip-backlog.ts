import type { Stream } from '@libp2p/interface'

/**
 * What came of gossip on one stream and waits to be read. A message is read when the one before it is done with,
 * which may wait for a turn; meanwhile `pipe` of @libp2p/utils 7.4 puts all that comes into a list without a bound,
 * and the muxer grants its sender a new window for it: 1.3 GB in 14 s. Here the sender is held back while more than
 * the longest message waits. Less would never be enough for that one. Can go when `pipe` pauses what nobody reads.
 */
export class GossipBacklog {
  readonly #stream: Stream
  readonly #mostBytes: number
  #byteLength = 0
  #messages = 0
  #isResuming = false
  #isFree = false

  /** @param mostBytes beyond which the sender is held back: more than the longest message has, its length included */
  constructor(stream: Stream, mostBytes: number) {
    this.#stream = stream
    this.#mostBytes = mostBytes
  }

  /** Bytes that were handed to whoever reads, and are not read. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** Messages that have begun to come, and are not done with. */
  get messages(): number {
    return this.#messages
  }

  /** Bytes were handed on. @param messages that begin in them */
  add(byteLength: number, messages: number): void {
    this.#byteLength += byteLength
    this.#messages += messages
    this.#holdBack()
  }

  /** A message is done with. @param byteLength of it without its length */
  take(byteLength: number): void {
    this.#byteLength -= prefixBytes(byteLength) + byteLength
    this.#messages -= 1
    if (this.#byteLength <= this.#mostBytes) this.#resume()
  }

  /** The sender has ended, and what it sent last is handed on: whoever reads listens no longer after that. */
  free(): void {
    this.#isFree = true
    this.#resume()
  }

  /**
   * Not within `resume()`, which hands over what was buffered and then grants a window, pause or no pause, and one
   * again with each frame (@libp2p/utils 7.4): so two windows come on top at most.
   */
  #holdBack(): void {
    if (this.#isFree || this.#isResuming || this.#byteLength <= this.#mostBytes) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #resume(): void {
    if (this.#stream.readStatus !== 'paused') return
    this.#isResuming = true
    try {
      this.#stream.resume()
    } catch {
      // Its connection is gone, which its end says.
    }
    this.#isResuming = false
    this.#holdBack()
  }
}

/** Bytes of a length as a varint. */
function prefixBytes(byteLength: number): number {
  return byteLength < 0x80 ? 1 : 1 + prefixBytes(Math.floor(byteLength / 0x80))
}
