import type { MessageStream } from '@libp2p/interface'

import { TokenBucket } from '../../lib/token-bucket.ts'
import { isFunction, isObject, libraryMember, NetworkError } from '../errors.ts'
import { MessageLengths } from '../guards/message-lengths.ts'
import type { Rate } from '../guards/yamux-limits.ts'
import type { ChannelLimits } from './limits.ts'

/** What is used of a peer connection of node-datachannel's polyfill. */
export interface PeerConnectionLike {
  close(): void
}

type CutConnection = Pick<MessageStream, 'abort' | 'status'>

interface LibraryEvent {
  readonly type: string
  readonly data?: unknown
}

/** Makes of a native channel one as browsers have it. */
type ChannelClass = new (nativeChannel: object) => object

/** Why a peer connection was cut. */
export const CUT_REASONS = [
  'text',
  'handshake',
  'empty-frames',
  'long-message',
  'streams',
  'held-bytes',
] as const
export type CutReason = (typeof CUT_REASONS)[number]

/** A message is 16 KiB at most (https://github.com/libp2p/specs/blob/master/webrtc/README.md). */
const MOST_MESSAGE_BYTES = 64 * 1024
/** A handshake takes a few, and its channel is for nothing else. */
const HANDSHAKE_MESSAGES = 64
/** Less than any protocol says at once. */
const SHORT_BYTES = 16

/**
 * Looks at what arrives on the channels of one peer connection before the library does, and ends it for what
 * nobody who speaks libp2p sends. @libp2p/webrtc 6.0.33 takes a text for bytes, on the channel of the handshake
 * too, so before anybody is known: "-1" is a length that throws where nobody catches it, which ends the process.
 * It walks through all messages that came at once without a pause, 10 µs and more each, and 16 KiB of zeros are 16 384
 * empty ones. It gathers a message of up to 4 MiB on each channel, where no buffer's limit sees it. Can go when
 * the library bounds each of them.
 */
export class ChannelGuard {
  readonly #peerConnection: PeerConnectionLike
  readonly #onCut: (reason: CutReason) => void
  readonly #emptyFrames: TokenBucket
  readonly #streams: TokenBucket
  #connection: CutConnection | null = null
  #onData: (streamId: number, length: number) => void = () => {}
  #handshakeMessages = 0
  #isCut = false

  constructor(
    peerConnection: PeerConnectionLike,
    { emptyFrames, streams }: Pick<ChannelLimits, 'emptyFrames' | 'streams'>,
    onCut: (reason: CutReason) => void,
  ) {
    this.#peerConnection = peerConnection
    this.#onCut = onCut
    this.#emptyFrames = bucketOf(emptyFrames)
    this.#streams = bucketOf(streams)
  }

  /**
   * To be called before there is a channel.
   * @throws NetworkError LIBRARY_CHANGED
   */
  attach(): void {
    const owner = this.#peerConnection
    const createDataChannel = libraryMember(owner, 'createDataChannel', isFunction)
    Reflect.set(owner, 'createDataChannel', (label: string, options?: { negotiated?: boolean }) => {
      const channel: object = Reflect.apply(createDataChannel, owner, [label, options])
      const isHandshake = options?.negotiated === true
      this.#watch(channel, isHandshake)
      if (isHandshake) this.#adopt(channel.constructor as ChannelClass)
      return channel
    })
  }

  /** It is known who is at the other end. @param onData told of what arrives for its streams */
  upgraded(connection: CutConnection, onData: (streamId: number, length: number) => void): void {
    this.#connection = connection
    this.#onData = onData
  }

  /** Ends the peer connection at once. */
  cut(reason: CutReason): void {
    // Or it was cut just now for what waits for the node.
    if (this.#isCut || this.#connection?.status === 'aborted') return
    this.#isCut = true
    this.#onCut(reason)
    const error = new NetworkError('STREAM_REFUSED', 'a peer keeps WebRTC busy', { reason })
    if (this.#connection === null) this.#peerConnection.close()
    else this.#connection.abort(error)
  }

  /**
   * Takes the peer's channels in. node-datachannel 0.33.4 keeps each of them, 15 KiB, for as long as the
   * connection lasts. Can go when its polyfill forgets those that closed.
   */
  #adopt(Channel: ChannelClass): void {
    const native = libraryMember(this.#peerConnection, 'peerConnection', isObject)
    const onDataChannel = libraryMember(native, 'onDataChannel', isFunction)
    const dispatch = libraryMember(this.#peerConnection, 'dispatchEvent', isFunction)
    Reflect.apply(onDataChannel, native, [
      (nativeChannel: object) => {
        // Even if it is not wanted: else its native part is never let go.
        const channel = new Channel(nativeChannel)
        if (this.#isCut) return
        if (!this.#streams.tryTake()) return this.cut('streams')
        this.#watch(channel, false)
        const event = Object.assign(new Event('datachannel'), { channel })
        Reflect.apply(dispatch, this.#peerConnection, [event])
      },
    ])
  }

  #watch(channel: object, isHandshake: boolean): void {
    const lengths = new MessageLengths(MOST_MESSAGE_BYTES)
    onEvent(channel, 'message', ({ data }) => {
      if (this.#isCut) return false
      const reason = this.#offenceOf(data, lengths, isHandshake)
      if (reason !== null) this.cut(reason)
      else this.#onData(Number(Reflect.get(channel, 'id')), (data as ArrayBuffer).byteLength)
      return reason === null
    })
  }

  #offenceOf(data: unknown, lengths: MessageLengths, isHandshake: boolean): CutReason | null {
    if (!(data instanceof ArrayBuffer)) return 'text'
    const begun = lengths.read(new Uint8Array(data))
    if (begun === null) return 'long-message'
    if (isHandshake) {
      this.#handshakeMessages += Math.max(1, begun)
      return this.#handshakeMessages > HANDSHAKE_MESSAGES ? 'handshake' : null
    }
    const emptyFrames = Math.max(0, begun - 1) + (data.byteLength < SHORT_BYTES ? 1 : 0)
    return this.#emptyFrames.tryTake(emptyFrames) ? null : 'empty-frames'
  }
}

/** Looks at events before the library does. @param judge whether it is to see this one */
function onEvent(owner: object, type: string, judge: (event: LibraryEvent) => boolean): void {
  const dispatch = libraryMember(owner, 'dispatchEvent', isFunction)
  Reflect.set(owner, 'dispatchEvent', (event: LibraryEvent): unknown =>
    event.type === type && !judge(event) ? true : Reflect.apply(dispatch, owner, [event]),
  )
}

function bucketOf({ burst, perSecond }: Rate): TokenBucket {
  return new TokenBucket({ capacity: burst, refillPerSecond: perSecond })
}
