import type { MessageStream, Stream } from '@libp2p/interface'

import { TokenBucket } from '../../lib/token-bucket.ts'
import { libraryMember, NetworkError } from '../errors.ts'
import { heldGossipBytes } from './gossip-pieces.ts'
import type { MuxerLimits } from './yamux-limits.ts'

/** Between two counts, unless bytes arrive faster. */
const COUNT_EVERY_MS = 250
const COUNT_EVERY_BYTES = 4 * 1024 * 1024
const BLOCKS = /^\/ipfs\/bitswap\//
/** What a relay reads it has passed on, and it has a budget of its own. */
const CIRCUITS = /^\/libp2p\/circuit\//

type Limits = Pick<MuxerLimits, 'heldBytes' | 'heldBytesInAll' | 'appetites' | 'blockMessageBytes'>

/** What the handler of one stream may hold beside the stream's own buffers. */
interface Taken {
  readonly stream: Stream
  totalBytes: number
  /** Since the stream could not send any more: its handler waits and reads nothing. */
  stalledBytes: number
  appetite: TokenBucket | null
}

interface Watched {
  readonly streams: readonly Stream[]
  readonly taken: Map<number, Taken>
  readonly cut: () => void
  readonly unseenBytes: () => number
  /** When it was counted last. */
  heldBytes: number
}

/**
 * Bounds what the streams of one connection, and of all, hold in memory: unread, unsent, or handed to a
 * handler that waits. Each stream has bounds of its own, yet libp2p 3.3 lets a peer fill 64 streams at once,
 * each with a read buffer, a write buffer and 4 MiB in the reader of its protocol, on every connection it
 * opens; what comes behind all that such a reader wants stays there for as long as the stream does. The connection that holds most goes first. Can go when libp2p counts them in all.
 */
export class StreamMemory {
  readonly #limits: Limits
  readonly #watched = new Set<Watched>()
  #timer: NodeJS.Timeout | null = null
  #uncountedBytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /**
   * Counts the streams of a connection until it closes.
   * @param cut ends the connection
   * @param unseenBytes of its streams in other buffers than their own. @default none
   */
  watch(
    connection: MessageStream,
    muxer: object,
    cut: () => void,
    unseenBytes: () => number = () => 0,
  ) {
    // The muxer takes closed streams out of its list, so that the list itself stays the same.
    const streams = libraryMember(muxer, 'streams', isStreamList)
    const watched: Watched = { streams, taken: new Map(), cut, unseenBytes, heldBytes: 0 }
    this.#watched.add(watched)
    this.#timer ??= setInterval(() => this.count(), COUNT_EVERY_MS).unref()
    connection.addEventListener('close', () => this.#forget(watched), { once: true })
    return { onData: (streamId: number, length: number) => this.#onData(watched, streamId, length) }
  }

  /** Cuts the connections that hold too much. */
  count(): void {
    this.#uncountedBytes = 0
    const { heldBytes, heldBytesInAll } = this.#limits
    let total = 0
    let most = 0
    for (const watched of this.#watched) {
      watched.heldBytes = heldBy(watched, this.#limits)
      total += watched.heldBytes
      most = Math.max(most, watched.heldBytes)
    }
    if (most <= heldBytes && total <= heldBytesInAll) return
    for (const watched of [...this.#watched].sort((a, b) => b.heldBytes - a.heldBytes)) {
      if (watched.heldBytes <= heldBytes && total <= heldBytesInAll) return
      total -= watched.heldBytes
      watched.cut()
    }
  }

  #onData(watched: Watched, streamId: number, length: number): void {
    const taken = watched.taken.get(streamId) ?? this.#begin(watched, streamId)
    if (taken === null) return
    taken.totalBytes += length
    taken.stalledBytes = taken.stream.writableNeedsDrain ? taken.stalledBytes + length : 0
    taken.appetite ??= this.#appetiteOf(taken.stream)
    if (taken.appetite?.tryTake(length) === false) {
      taken.stream.abort(
        new NetworkError('STREAM_REFUSED', 'a message is too long for its protocol'),
      )
    }
    this.#uncountedBytes += length
    if (this.#uncountedBytes > COUNT_EVERY_BYTES) this.count()
  }

  #begin({ streams, taken }: Watched, streamId: number): Taken | null {
    const stream = streams.find(({ id }) => id === String(streamId))
    if (stream === undefined) return null
    const made: Taken = { stream, totalBytes: 0, stalledBytes: 0, appetite: null }
    taken.set(streamId, made)
    stream.addEventListener('close', () => taken.delete(streamId), { once: true })
    return made
  }

  #appetiteOf({ protocol, direction }: Stream): TokenBucket | null {
    if (protocol === '') return null
    const found = Object.entries(this.#limits.appetites).find(([end]) => protocol.endsWith(end))
    if (found === undefined) return null
    const [, { burst, perSecond }] = found
    // On a stream of ours there is one answer.
    const refillPerSecond = direction === 'inbound' ? perSecond : 0
    return new TokenBucket({ capacity: burst, refillPerSecond })
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched)
    if (this.#watched.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

function heldBy({ streams, taken, unseenBytes }: Watched, { blockMessageBytes }: Limits): number {
  let bytes = unseenBytes()
  for (const stream of streams) {
    const { readBufferLength, writeBufferLength } = stream
    bytes += readBufferLength + writeBufferLength + heldGossipBytes(stream)
  }
  for (const { stream, stalledBytes, totalBytes } of taken.values()) {
    const isGathering =
      totalBytes > 0 && stream.direction === 'inbound' && BLOCKS.test(stream.protocol)
    if (isGathering) bytes += Math.max(stalledBytes, Math.min(totalBytes, blockMessageBytes))
    else if (stalledBytes > 0 && !CIRCUITS.test(stream.protocol)) bytes += stalledBytes
  }
  return bytes
}

/** Whether it is the list of a muxer's streams. */
export function isStreamList(value: unknown): value is readonly Stream[] {
  return Array.isArray(value)
}
