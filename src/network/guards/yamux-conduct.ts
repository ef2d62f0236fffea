import type { MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface'

import { TokenBucket } from '../../lib/token-bucket.ts'
import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import { keepCompact } from './compact-list.ts'
import { guardStreamLengths } from './endless-lengths.ts'
import { leaveOutOwnFrames } from './own-frames.ts'
import { isStreamList, type StreamMemory } from './stream-memory.ts'
import { beginInTurns } from './stream-turns.ts'
import type { Turns } from './turns.ts'
import type { MuxerLimits, Rate } from './yamux-limits.ts'

/** Why a connection was cut. */
export type CutReason = 'streams' | 'pings' | 'empty-frames' | 'unread-answers' | 'held-bytes'

/** What the streams of all connections share, over whichever muxer. */
export interface SharedConduct {
  readonly memory: StreamMemory
  readonly turns: Turns
}

const TYPE = { data: 0, ping: 2 } as const
const SYN = 1
const RST = 8
/** The least that a relay carries is a noise message around a frame's head. */
const EMPTY_BELOW_BYTES = 16

interface FrameHeader {
  readonly type: number
  readonly flag: number
  readonly streamID: number
  readonly length: number
}

/**
 * Cuts connections whose peer keeps the muxer busy with nothing. @chainsafe/libp2p-yamux 8.0 opens a stream
 * with a deadline of five seconds for each that is begun and reset at once (400 MB in five seconds), answers
 * every ping and every frame whether or not its answers are read (300 MB), negotiates protocols without end,
 * and looks at frames without content as fast as they come. Can go when it counts them.
 */
export function withConduct(
  factory: () => StreamMuxerFactory,
  limits: MuxerLimits,
  { memory, turns }: SharedConduct,
  onCut: (reason: CutReason) => void,
): () => StreamMuxerFactory {
  return () => {
    const muxers = factory()
    const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
    muxers.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection)
      const guard = new MuxerGuard(connection, limits, onCut)
      const held = memory.watch(connection, muxer, () => guard.cut('held-bytes'))
      guard.attach(muxer, (streamId, length) => held.onData(streamId, length))
      beginInTurns(muxer, turns)
      return muxer
    }
    return muxers
  }
}

class MuxerGuard {
  readonly #connection: MessageStream
  readonly #limits: MuxerLimits
  readonly #onCut: (reason: CutReason) => void
  readonly #streams: TokenBucket
  readonly #resets: TokenBucket
  readonly #pings: TokenBucket
  readonly #emptyFrames: TokenBucket
  /** Empty frames that are answers to ours. */
  #owedFrames = 0
  #unreadAnswers = 0
  #isCut = false

  constructor(connection: MessageStream, limits: MuxerLimits, onCut: (reason: CutReason) => void) {
    this.#connection = connection
    this.#limits = limits
    this.#onCut = onCut
    this.#streams = bucketOf(limits.streams)
    this.#resets = bucketOf(limits.resets)
    this.#pings = bucketOf(limits.pings)
    this.#emptyFrames = bucketOf(limits.emptyFrames)
  }

  attach(muxer: object, onData: (streamId: number, length: number) => void): void {
    const handleFrame = libraryMember(muxer, 'handleFrame', isFunction)
    leaveOutOwnFrames(muxer, this.#connection)
    const sendFrame = libraryMember(muxer, 'sendFrame', isFunction)
    const newStream = libraryMember(muxer, '_newStream', isFunction)
    const streams = libraryMember(muxer, 'streams', isStreamList)
    // Each costs a third of a millisecond, and hundreds come in one chunk.
    const isReset = ({ flag, streamID }: FrameHeader) => {
      const stream =
        (flag & RST) === 0 ? undefined : streams.find(({ id }) => id === String(streamID))
      return stream?.direction === 'inbound' && stream.protocol === ''
    }
    Reflect.set(muxer, 'handleFrame', (frame: { readonly header: FrameHeader }) => {
      const { header } = frame
      const reason =
        isReset(header) && !this.#resets.tryTake() ? 'streams' : this.#offenceOf(header)
      // What is left of the chunk is not looked at.
      if (reason !== null) throw this.cut(reason)
      if (header.type === TYPE.data) onData(header.streamID, header.length)
      Reflect.apply(handleFrame, muxer, [frame])
    })
    Reflect.set(muxer, 'sendFrame', (header: FrameHeader, data?: unknown): unknown => {
      this.#noteSent(header)
      return Reflect.apply(sendFrame, muxer, [header, data])
    })
    Reflect.set(muxer, '_newStream', (...args: unknown[]): unknown => {
      const stream: unknown = Reflect.apply(newStream, muxer, args)
      limitProposals(stream as Stream, this.#limits.proposals)
      guardStreamLengths(stream as Stream)
      keepCompact(libraryMember(stream as Stream, 'readBuffer', isObject))
      return stream
    })
  }

  /** Ends the connection at once. @returns what it ended with */
  cut(reason: CutReason): NetworkError {
    const error = new NetworkError('STREAM_REFUSED', 'a peer keeps the muxer busy', { reason })
    if (this.#isCut) return error
    this.#isCut = true
    this.#onCut(reason)
    this.#connection.abort(error)
    return error
  }

  #offenceOf({ type, flag, length }: FrameHeader): CutReason | null {
    if (this.#isCut) return 'streams'
    if (type === TYPE.ping) return this.#pings.tryTake() ? null : 'pings'
    if ((flag & SYN) !== 0 && !this.#streams.tryTake()) return 'streams'
    if (type === TYPE.data && length >= EMPTY_BELOW_BYTES) return null
    if (this.#owedFrames > 0) {
      this.#owedFrames -= 1
      return null
    }
    return this.#emptyFrames.tryTake() ? null : 'empty-frames'
  }

  #noteSent({ type }: FrameHeader): void {
    if (type === TYPE.data) {
      this.#owedFrames = Math.min(this.#owedFrames + 1, this.#limits.emptyFrames.burst)
    }
    if (!this.#connection.writableNeedsDrain) {
      this.#unreadAnswers = 0
      return
    }
    if (type !== TYPE.data) this.#unreadAnswers += 1
    if (this.#unreadAnswers > this.#limits.unreadAnswers) this.cut('unread-answers')
  }
}

/** Every proposal that is not ours costs an answer, and a peer may go on for five seconds. */
function limitProposals(stream: Stream, limit: number): void {
  if (stream.direction !== 'inbound') return
  const send = stream.send.bind(stream)
  let answers = 0
  const counted: Stream['send'] = (data) => {
    if (stream.protocol !== '') {
      // Nothing to be counted from here on: the library's own method shows again, unless another guard is before it.
      if (stream.send === counted) Reflect.deleteProperty(stream, 'send')
    } else if (++answers > limit) {
      stream.abort(new NetworkError('STREAM_REFUSED', 'too many protocols were proposed'))
    }
    return send(data)
  }
  stream.send = counted
}

function bucketOf({ burst, perSecond }: Rate): TokenBucket {
  return new TokenBucket({ capacity: burst, refillPerSecond: perSecond })
}
