import type { HostLimits } from '../limits.ts'

/** So many at once, and so many a second from then on. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** What the muxer of one connection takes from its peer, and what the streams of all may hold. */
export interface MuxerLimits {
  /** Streams the peer opens. A station asks for its logs at once, then a few a second. */
  readonly streams: Rate
  /** Streams the peer resets before it is known what for: an honest one whose request was given up meanwhile. */
  readonly resets: Rate
  /** Pings of the muxer itself; libraries send one each 10 to 30 s. */
  readonly pings: Rate
  /** Frames with next to nothing in them, beyond one for each frame of data that was sent. */
  readonly emptyFrames: Rate
  /** Answers on a stream before both sides agree on its protocol. */
  readonly proposals: number
  /** Answers of the muxer that wait for a peer that reads nothing. */
  readonly unreadAnswers: number
  /** Bytes that the streams of one connection hold. */
  readonly heldBytes: number
  /** Bytes that all streams of all connections hold. */
  readonly heldBytesInAll: number
  /**
   * Bytes that a peer may send on one stream of a protocol whose messages are small, by the end of its name; on one
   * that we opened, those that it may send at once.
   */
  readonly appetites: Readonly<Record<string, Rate>>
  /** Most bytes that bitswap gathers on one stream before it looks at them. */
  readonly blockMessageBytes: number
}

const KIB = 1024
/** @libp2p/identify 4.1 reads so many of one stream. */
const IDENTIFY_MESSAGES = 10

/** What honest libraries need of a muxer, and what this host allows of streams, blocks, DHT requests and identities. */
export function muxerLimits({ yamux, bitswap, dhtRequests, identify }: HostLimits): MuxerLimits {
  const { maxWriteBufferLength } = yamux.streamOptions
  const requestBytes = 2 * KIB
  const identity = { burst: IDENTIFY_MESSAGES * (identify.maxMessageSize + 16), perSecond: 0 }
  return {
    streams: { burst: 256, perSecond: 64 },
    resets: { burst: 32, perSecond: 4 },
    pings: { burst: 32, perSecond: 2 },
    emptyFrames: { burst: 4_096, perSecond: 1_000 },
    proposals: 32,
    unreadAnswers: 2_048,
    heldBytes: 8 * maxWriteBufferLength,
    heldBytesInAll: 64 * maxWriteBufferLength,
    appetites: {
      '/id/1.0.0': identity,
      '/id/push/1.0.0': identity,
      /** Two messages of 4 KiB each way. */
      '/dcutr': { burst: 16 * KIB, perSecond: 0 },
      '/ping/1.0.0': { burst: 4 * KIB, perSecond: KIB },
      '/kad/1.0.0': {
        burst: dhtRequests.burst * requestBytes,
        perSecond: dhtRequests.perSecond * requestBytes,
      },
    },
    blockMessageBytes: bitswap.maxIncomingMessageSize,
  }
}
