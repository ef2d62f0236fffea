import { WEBRTC_PROCESS_MB } from '../../config/index.ts'
import { KIB, MIB, type Scale, SECOND_MS } from './scale.ts'

/** What one socket of each kind, and the streams in it, may hold. */
export function socketLimits(scale: Scale, maxConnections: number) {
  const streamWindow = scale(512 * KIB, 1 * MIB)
  const maxWriteBufferLength = scale(2 * MIB, 4 * MIB)
  return {
    tcp: {
      /**
       * Sockets of one listener, handshakes included, and some that are closing: beyond it nobody gets in,
       * known stations neither, so the guards' own limits must come first. The listener is never closed at a
       * high mark, as the library offers: its addresses would vanish meanwhile.
       */
      maxConnections: maxConnections + scale(320, 640),
      /** Sockets not yet accepted: beyond it the kernel drops whoever comes, and they try again a second later. */
      backlog: scale(512, 1_024),
      /** A peer of ours pings each 30 s, so two silent minutes are a dead socket. */
      inboundSocketInactivityTimeout: 120 * SECOND_MS,
      outboundSocketInactivityTimeout: 120 * SECOND_MS,
    },
    ws: {
      /** Bytes of one message. Of noise it is 64 KiB and a length of 2 at most, alone or with its length. */
      maxPayload: 256 * KIB,
      /**
       * Pieces of one message. Browsers, Node and `ws` send one of 64 KiB whole, libraries of Go in 17: pieces of
       * 4 KiB. Each may hold what was read together with it.
       */
      maxFragments: 32,
      /** Reads that one frame may come in: at 256 KiB a quarter of the smallest packets that there are. */
      maxBufferedChunks: 1_024,
      /** Pings, pongs and messages of nothing: libp2p sends none, a proxy may each some seconds. */
      idleFrames: { burst: 64, perSecond: 4 },
      /** Sockets of one listener, handshakes included. */
      maxConnections: maxConnections + scale(320, 640),
      /** From the accepted socket to the WebSocket: TLS and headers. */
      upgradeTimeout: 10 * SECOND_MS,
      /** Bytes waiting in a socket before writers are told to wait. */
      maxBufferedAmount: scale(2 * MIB, 4 * MIB),
    },
    yamux: {
      /** Streams a peer may have open: protocols in use are under twenty. */
      maxInboundStreams: scale(64, 128),
      maxOutboundStreams: scale(64, 128),
      /** Streams opened before the connection is ready. */
      maxEarlyStreams: 16,
      keepAliveInterval: 30 * SECOND_MS,
      streamOptions: {
        /** Bytes in flight at first; the protocol's minimum. */
        initialStreamWindowSize: 256 * KIB,
        /** Bytes in flight at most: 512 KiB is 40 Mbit/s at 100 ms. */
        maxStreamWindowSize: streamWindow,
        /**
         * Unread bytes of one stream, above which it is reset. Before its handler listens a stream takes
         * what comes and grants more; paused then, it takes one window that is on its way and one that
         * was granted before the pause. Three, so that no honest sender is reset.
         */
        maxReadBufferLength: 3 * streamWindow,
        /** Unsent bytes of one stream, above the largest message any protocol writes at once. */
        maxWriteBufferLength,
      },
    },
    /** All within one process beside the node, which does not grow with the memory. */
    webRtc: {
      /**
       * Resident memory of that process, above which it is ended and started again: 80 MB before anybody connects,
       * what its streams may hold, and as much in the native library.
       */
      maxRssBytes: WEBRTC_PROCESS_MB * MIB,
      /** Channels a peer may have open. */
      maxInboundStreams: scale(64, 128),
      /** Bytes that the streams of one connection hold there, and those of all. */
      heldBytes: scale(16 * MIB, 16 * MIB),
      heldBytesInAll: scale(48 * MIB, 48 * MIB),
      channel: {
        /**
         * Bytes of one stream that the node does not take yet, above which it is reset. No window holds its sender
         * back, so that is more than with yamux; what all of a connection's hold is bounded beside it.
         */
        maxReadBufferLength: scale(4 * MIB, 4 * MIB),
        /** Unsent bytes of one stream, as with yamux. */
        maxWriteBufferLength,
        /** Bytes handed to the native library, in flight included, before writers are told to wait. */
        maxBufferedAmount: streamWindow,
      },
    },
  }
}
