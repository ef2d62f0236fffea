import { KIB, MIB, type Scale, SECOND_MS } from './scale.ts'

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
    /**
     * Peers outside the mesh that hear at a heartbeat which messages there are, or a quarter of them where that
     * is more. Those that a bootstrap has no place for in its mesh have no other way to hear of a message before
     * the next one of its author, and three heartbeats at a quarter miss 42 % of them.
     */
    Dlazy: 64,
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
    /**
     * Surplus squared: 29 peers of one IP are graylisted; the values of @libp2p/gossipsub 17.1 graylist 15. Both
     * can go when its defaults let a school in.
     */
    ipColocationWeight: -1,
    /**
     * A score is dropped when its peer leaves. The library (17.1) takes none up again when the peer is back,
     * but meanwhile counts it among the peers of its IP, and keeps it: others of that IP would pay for it.
     * What a peer did to us is kept by its penalties.
     */
    retainScore: 1 * SECOND_MS,
    /**
     * Answers that did not come and grafts too soon, of which a fifth is left after each second. An answer that we
     * drop unread when others flood us is missed all the same: one for each time that the peer told of
     * messages, once or twice a second, 2.5 in the long run. Ten a second, or twelve grafts, are graylisted.
     */
    behaviourPenaltyThreshold: 6,
  }
}

/**
 * How much gossip of one peer is read. An honest one sends what it writes itself, 50 a second after a burst of
 * 512, and passes on what all of its peers do, 200 a second after a burst of 1 024.
 * @param maxConnections peers counted
 */
export function gossipRpcLimits(maxConnections: number) {
  return {
    rpcs: { burst: 4_096, perSecond: 500 },
    messages: { burst: 2_048, perSecond: 300 },
    /** A few for each topic and second, and IDs. */
    controls: { burst: 4_096, perSecond: 500 },
    /**
     * Other implementations refuse each message of 512 bytes that they read, before they judge it: with these
     * limits as many as `messagesInAll`. Ours refuse nothing, and nothing is done with it.
     */
    refusals: { burst: 6_144, perSecond: 1_500 },
    /** Twelve topics, told anew with each stream. */
    subscriptions: { burst: 512, perSecond: 4 },
    /**
     * A check takes some 0.2 ms of processor time, of the one kind of key that is checked, and each message
     * comes from every peer of a mesh. Strangers can take a fifth of a processor; what they write reaches us
     * through known stations, too, and with heads.
     */
    messagesInAll: {
      strangers: { burst: 2_048, perSecond: 500 },
      known: { burst: 4_096, perSecond: 1_000 },
    },
    patience: { burst: 4_096, perSecond: 32 },
    maxPeers: maxConnections,
    /** The library's own is a minute. */
    backoffSeconds: 600,
  }
}

/**
 * What gossip sends at once. Whoever reads it may have the least memory there is, and limits of half the size:
 * an RPC of 256 KiB and 128 messages, and 500 IDs in a list. Asked for are no more than fit into what we read of one
 * peer beside what it passes on, which is tested as a sum.
 */
export function gossipBatchLimits(scale: Scale) {
  return {
    bytes: 128 * KIB,
    messages: 64,
    idsInList: 500,
    idsTold: 2_000,
    idsAsked: 100,
    /** Three quarters of what may wait for a peer before it loses its stream. */
    unsentBytes: scale(768 * KIB, 1_536 * KIB),
  }
}

/** Messages remembered, about 450 bytes each: 550 a second for as long as they are to be known. */
export function gossipSeenLimit(scale: Scale): number {
  return scale(65_536, 131_072)
}
