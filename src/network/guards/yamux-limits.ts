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
  /** Bytes that a peer may send to protocols whose messages are small, by the end of their names. */
  readonly appetites: Readonly<Record<string, Rate>>
  /** Most bytes that bitswap gathers on one stream before it looks at them. */
  readonly blockMessageBytes: number
}

const KIB = 1024

/** What honest libraries need of a muxer, and what this host allows of streams, blocks and DHT requests. */
export function muxerLimits({ yamux, bitswap, dhtRequests }: HostLimits): MuxerLimits {
  const { maxWriteBufferLength } = yamux.streamOptions
  const requestBytes = 2 * KIB
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
      '/ping/1.0.0': { burst: 4 * KIB, perSecond: KIB },
      '/kad/1.0.0': {
        burst: dhtRequests.burst * requestBytes,
        perSecond: dhtRequests.perSecond * requestBytes,
      },
    },
    blockMessageBytes: bitswap.maxIncomingMessageSize,
  }
}
