import { connectionLimits, identifyRateLimits, inboundConnections } from './limits/connections.ts'
import { dhtLimits, dhtReplyLimits, dhtRequestLimits } from './limits/dht.ts'
import {
  gossipBatchLimits,
  gossipLimits,
  gossipRpcLimits,
  gossipScoreLimits,
  gossipSeenLimit,
} from './limits/gossip.ts'
import { relayLimits } from './limits/relay.ts'
import { DAY_MS, HOUR_MS, KIB, MIB, SECOND_MS, scaleFor } from './limits/scale.ts'
import { socketLimits } from './limits/sockets.ts'

/** Every bound of the host, as values. */
export type HostLimits = ReturnType<typeof hostLimits>

/**
 * What one node may use, from the memory the process may use. Two sizes were weighed, 1 GB and 2 GB;
 * between them values are interpolated, below they shrink to half, above they grow on to 8 GB.
 *
 * Groups carry the names and units of the library options they become, so that these files are the
 * one border where units change: times are ms and sizes bytes unless a comment says else.
 * @param memoryMb what the process may use in all, not the heap alone
 */
export function hostLimits(memoryMb: number) {
  const scale = scaleFor(memoryMb)
  const maxConnections = inboundConnections(memoryMb)
  return {
    ...connectionLimits(scale, maxConnections),
    peerStore: {
      /** Addresses of a station change by the week, not by the hour. */
      maxAddressAge: 7 * DAY_MS,
      /** A station that was away for a fortnight introduces itself anew. */
      maxPeerAge: 14 * DAY_MS,
    },
    knownPeers: {
      /**
       * Peers in the peer store, about 2 KiB each. Those that are connected are never forgotten, so the
       * rest counts beside them: a full node must still remember whom it could dial.
       */
      maxPeers: maxConnections + scale(2_000, 10_000),
      /** Addresses of one peer: IPv4 and IPv6, TCP and WebSocket, LAN and public. */
      maxAddressesPerPeer: 8,
      /** An address not heard of for this long makes room. */
      addressIdleMs: 1 * HOUR_MS,
    },
    ...socketLimits(scale, maxConnections),
    identify: {
      /** Streams each way. */
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
      /** Forty protocols and eight addresses take 3 KiB. */
      maxMessageSize: 8 * KIB,
      timeout: 5 * SECOND_MS,
      /** A relayed peer must be able to say who it is. */
      runOnLimitedConnection: true,
    },
    identifyRate: identifyRateLimits(),
    ping: {
      /** The monitor's, the DHT's and one of the peer's own. */
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
      timeout: 20 * SECOND_MS,
      runOnLimitedConnection: true,
    },
    gossip: gossipLimits(scale, memoryMb),
    gossipScore: gossipScoreLimits(),
    gossipRpc: gossipRpcLimits(maxConnections),
    gossipBatches: gossipBatchLimits(scale),
    gossipSeen: gossipSeenLimit(scale),
    relay: relayLimits(scale, maxConnections),
    dht: dhtLimits(scale),
    dhtRequests: dhtRequestLimits(maxConnections),
    dhtReplies: dhtReplyLimits(20, 8),
    bitswap: {
      /** Streams of one peer. */
      maxInboundStreams: scale(32, 64),
      maxOutboundStreams: scale(32, 64),
      /** Blocks a peer may want at once. */
      maxWantListSize: scale(128, 256),
      maxIncomingMessageSize: scale(1 * MIB, 2 * MIB),
      maxOutgoingMessageSize: scale(1 * MIB, 2 * MIB),
      /**
       * A broadcast of @helia/bitswap 4.0 waits for the slowest peer, so that one must not be slow for long. Can go
       * when it waits for nobody.
       */
      messageSendTimeout: scale(3, 5) * SECOND_MS,
      messageSendConcurrency: scale(8, 16),
      messageReceiveTimeout: 5 * SECOND_MS,
    },
    streams: {
      /** Bytes of one of our protocols' streams that wait for their reader. */
      maxUnreadBytes: 256 * KIB,
      /** Bytes handed to the muxer at once; keeps one stream from holding up the others. */
      sendSliceBytes: 64 * KIB,
    },
  }
}
