const KIB = 1024
const MIB = 1024 * KIB
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Every bound of the host, as values. */
export type HostLimits = ReturnType<typeof hostLimits>

/**
 * What one node may use, from the memory the process may use. Two sizes were weighed, 1 GB and 2 GB;
 * between them values are interpolated, below they shrink to half, above they grow on to 8 GB.
 *
 * Groups carry the names and units of the library options they become, so that this file is the one
 * border where units change: times are ms and sizes bytes unless a comment says else.
 * @param memoryMb what the process may use in all, not the heap alone
 */
export function hostLimits(memoryMb: number) {
  const scale = (atOneGb: number, atTwoGb: number) => scaled(memoryMb, atOneGb, atTwoGb)
  const maxConnections = inboundConnections(memoryMb)
  const streamWindow = scale(512 * KIB, 1 * MIB)
  return {
    connectionManager: {
      /** Connections. All of them count; at this number inbound ones are refused. */
      maxConnections,
      /** Connections in their handshake. A restarted bootstrap is found by all its stations at once. */
      maxIncomingPendingConnections: scale(64, 128),
      /** Connections a second from one IP. A station needs one; a school or a carrier's NAT some. */
      inboundConnectionThreshold: scale(10, 20),
      /** Dials. Each holds a socket and a handshake of a few ms of CPU. */
      maxParallelDials: scale(10, 25),
      /** Dials waiting. The dialer decides what to dial, so that few ever wait. */
      maxDialQueueLength: scale(100, 200),
      /** Addresses tried for one peer. More than eight is somebody filling our time. */
      maxPeerAddrsToDial: scale(8, 10),
      /** All of one peer's addresses together. */
      dialTimeout: 10 * SECOND_MS,
      /** One address: a satellite link takes 3 s for TCP, noise and yamux. */
      addressDialTimeout: 5 * SECOND_MS,
      /** Dials to lost peers that the DHT tagged. The gater refuses them: the dialer decides. */
      maxParallelReconnects: 3,
      /** Tries after the first refused one. */
      reconnectRetries: 0,
      /** Handshake of an inbound connection: the shorter, the less a silent socket costs. */
      inboundUpgradeTimeout: 5 * SECOND_MS,
      /** A stream that names no protocol by then is reset. */
      inboundStreamProtocolNegotiationTimeout: 5 * SECOND_MS,
      /** Gossip opens its streams one after another, so one mute peer holds up the rest this long. */
      outboundStreamProtocolNegotiationTimeout: 3 * SECOND_MS,
      /** Closing in order, before it is cut. */
      connectionCloseTimeout: 1 * SECOND_MS,
    },
    connectionMonitor: {
      /** Three pings fit into the 90 s after which silence counts. */
      pingInterval: 30 * SECOND_MS,
      /** Slower than any working link; a shorter one resets healthy peers behind bad radio. */
      pingTimeout: { minTimeout: 20 * SECOND_MS, maxTimeout: 25 * SECOND_MS },
    },
    inboundCaps: {
      /** Connections from one public host: several stations of one household. */
      perHost: 16,
      /** Connections from one /24 or /48: a provider's neighbourhood. */
      perSubnet: 32,
      /** Connections from one private address: a LAN's gateway or a proxy. */
      perPrivateHost: Math.max(64, Math.round(maxConnections / 2)),
    },
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
    tcp: {
      /**
       * Sockets of one listener, handshakes included; the kernel's queue holds the rest. The listener
       * is never closed at a high mark, as the library offers: its addresses would vanish meanwhile.
       */
      maxConnections: maxConnections + scale(64, 128),
      /** Sockets not yet accepted. */
      backlog: scale(128, 256),
      /** A peer of ours pings each 30 s, so two silent minutes are a dead socket. */
      inboundSocketInactivityTimeout: 120 * SECOND_MS,
      outboundSocketInactivityTimeout: 120 * SECOND_MS,
    },
    ws: {
      /** Bytes of one message. A noise frame is 64 KiB. */
      maxPayload: 2 * MIB,
      /** Sockets of one listener, handshakes included. */
      maxConnections: maxConnections + scale(64, 128),
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
      maxEarlyStreams: scale(4, 10),
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
        maxWriteBufferLength: scale(2 * MIB, 4 * MIB),
      },
    },
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
    ping: {
      /** The monitor's, the DHT's and one of the peer's own. */
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
      timeout: 20 * SECOND_MS,
      runOnLimitedConnection: true,
    },
    gossip: {
      /** Bytes of one RPC. Replies batch messages, and an RPC above the limit costs the peer. */
      maxInboundDataLength: scale(512 * KIB, 1 * MIB),
      /** Unsent bytes for one peer; a slower peer loses its stream and is healed. */
      maxOutboundBufferSize: scale(1 * MIB, 2 * MIB),
      maxInboundStreams: 4,
      maxOutboundStreams: 2,
      /** An RPC above any of these counts is dropped whole. */
      decodeRpcLimits: {
        maxSubscriptions: scale(256, 512),
        maxMessages: scale(256, 512),
        maxIhaveMessageIDs: scale(1_000, 2_000),
        maxIwantMessageIDs: scale(1_000, 2_000),
        maxControlMessages: scale(256, 512),
        maxIdontwantMessageIDs: scale(128, 256),
        maxPeerInfos: 16,
      },
      /** Peers in a topic's mesh: wanted, least, most. */
      D: memoryMb >= 2_048 ? 8 : 6,
      Dlo: memoryMb >= 2_048 ? 6 : 4,
      Dhi: memoryMb >= 2_048 ? 16 : 12,
      Dscore: 4,
      Dout: 2,
      /** Peers outside the mesh that hear which messages there are. */
      Dlazy: memoryMb >= 2_048 ? 6 : 4,
      heartbeatInterval: 1 * SECOND_MS,
      /** A message is known for this long, so it ends loops of any length. */
      seenTTL: 120 * SECOND_MS,
      /** Bytes of topic names remembered of one peer; each counts 1 KiB more, so about 48 topics. */
      maxTopicBytesPerPeer: 64 * KIB,
    },
    gossipScore: {
      /** Peers of one IP before they are scored down: a school's NAT, a CGNAT's share. */
      ipColocationThreshold: 20,
      /** Surplus squared: 29 peers of one IP are graylisted; the library's values graylist 15. */
      ipColocationWeight: -1,
      /** A peer that comes back within the hour has not changed. */
      retainScore: 1 * HOUR_MS,
    },
    relay: {
      /** Milliseconds for a request to the hop. */
      hopTimeout: scale(10, 15) * SECOND_MS,
      /** Streams of one peer asking for circuits or a reservation. */
      maxInboundHopStreams: scale(4, 8),
      maxOutboundHopStreams: scale(4, 8),
      /** Circuits towards one peer. */
      maxOutboundStopStreams: scale(32, 64),
      reservations: {
        /** Peers that may hold a slot. */
        maxReservations: scale(64, 192),
        /** How long a slot stays when its peer is gone and nothing frees it. */
        reservationTtl: scale(30, 60) * MINUTE_MS,
        /** Without limits anybody could carry anything through here. */
        applyDefaultLimit: true,
        /** How long a circuit may last. */
        defaultDurationLimit: scale(2, 5) * MINUTE_MS,
        /** Bytes of a circuit in each direction. */
        defaultDataLimit: BigInt(scale(128 * KIB, 512 * KIB)),
      },
    },
    dht: {
      /** Peers in a bucket, and asked at once, and independent paths of a query. */
      kBucketSize: 20,
      alpha: scale(3, 5),
      disjointPaths: scale(2, 3),
      /** Streams of one peer. */
      maxInboundStreams: scale(8, 16),
      maxOutboundStreams: scale(16, 32),
      querySelfInterval: 5 * MINUTE_MS,
      initialQuerySelfInterval: 1 * SECOND_MS,
      routingTableUpdateMaxQueueSize: scale(500, 2_000),
      pingOldContactMaxQueueSize: scale(50, 100),
      pingNewContactMaxQueueSize: scale(50, 100),
      pingNewContactConcurrency: scale(4, 8),
      pingOldContactConcurrency: scale(4, 8),
      /** A request to one peer. */
      networkDialTimeout: { minTimeout: 5 * SECOND_MS, maxTimeout: 15 * SECOND_MS },
      /** Unused, since nothing is provided; held at the least. */
      reprovide: { concurrency: 1, maxQueueSize: 10 },
      /** Unused, since provider records are refused. */
      providers: { cacheSize: 1 },
    },
    dhtRequests: {
      /** Requests a peer may send at once, then a second: a lookup asks a peer once or twice. */
      burst: 40,
      perSecond: 10,
      /** Peers counted. */
      maxPeers: maxConnections,
    },
    bitswap: {
      /** Streams of one peer. */
      maxInboundStreams: scale(32, 64),
      maxOutboundStreams: scale(32, 64),
      /** Blocks a peer may want at once. */
      maxWantListSize: scale(128, 256),
      maxIncomingMessageSize: scale(1 * MIB, 2 * MIB),
      maxOutgoingMessageSize: scale(1 * MIB, 2 * MIB),
      /** A broadcast waits for the slowest peer, so that one must not be slow for long. */
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

/** Below 1 GB half the value at most goes; above 2 GB the slope goes on to 8 GB. */
function scaled(memoryMb: number, atOneGb: number, atTwoGb: number): number {
  if (memoryMb <= 1_024) {
    return Math.max(1, Math.round(atOneGb * Math.max(0.5, memoryMb / 1_024)))
  }
  const gigabytes = Math.min(memoryMb, 8_192) / 1_024
  return Math.round(atOneGb + (atTwoGb - atOneGb) * (gigabytes - 1))
}

/** Memory of the process with no connection: code, heap and the registry's caches. */
const BASE_MB = 160
/** Share of what is left that idle connections may take; the rest is traffic and the registry. */
const IDLE_SHARE = 0.6
/**
 * KiB of resident memory of one idle inbound connection with identify done and both gossip streams open.
 * Measured with Node 24.21 and libp2p 3.3.11: 113 over TCP (750 of them), 125 over WebSocket (500); 57
 * and 61 of it is heap, which comes back when they close.
 */
const KIB_PER_CONNECTION = 128

/** @returns how many connections the memory carries, between 100 and 10 000: 1 689 on 512 MB */
function inboundConnections(memoryMb: number): number {
  const idleKib = Math.max(0, memoryMb - BASE_MB) * KIB * IDLE_SHARE
  return Math.min(10_000, Math.max(100, Math.floor(idleKib / KIB_PER_CONNECTION)))
}
