import { HOUR_MS, KIB, MIB, type Scale, SECOND_MS } from './scale.ts'

/** What gossip may hold and send. @param memoryMb as for `hostLimits` */
export function gossipLimits(scale: Scale, memoryMb: number) {
  return {
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
  }
}

/** When a peer's place in gossip is doubted for the company it keeps. */
export function gossipScoreLimits() {
  return {
    /** Peers of one IP before they are scored down: a school's NAT, a CGNAT's share. */
    ipColocationThreshold: 20,
    /** Surplus squared: 29 peers of one IP are graylisted; the library's values graylist 15. */
    ipColocationWeight: -1,
    /** A peer that comes back within the hour has not changed. */
    retainScore: 1 * HOUR_MS,
  }
}
