import { PEER_ID_LIMIT_BYTES } from '../../wire/address-values.ts'
import { KIB, MINUTE_MS, type Scale, SECOND_MS } from './scale.ts'

/** What the DHT may hold, ask and be asked at a time. */
export function dhtLimits(scale: Scale) {
  return {
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
  }
}

/** How often the DHT answers a peer. */
export function dhtRequestLimits(maxConnections: number) {
  return {
    /** Requests a peer may send at once, then a second: a lookup asks a peer once or twice. */
    burst: 40,
    perSecond: 10,
    /** Answers to all peers together, 1 ms each: a hundred newcomers a second ask twice. */
    inAll: {
      strangers: { burst: 400, perSecond: 200 },
      known: { burst: 400, perSecond: 100 },
    },
    /** An answer about a peer is as old as this at most, ms. */
    answerMaxAgeMs: 5 * SECOND_MS,
    /** A peer ID has 34 to 42, a hash 32. */
    keyBytes: 64,
    /** A burst of requests of a hundred bytes. */
    unansweredBytes: 4 * KIB,
    /** A burst of walks that ended with a refusal each is forgiven; 10 000 requests are not. */
    patience: { burst: 200, perSecond: 2 },
    /** Peers counted. */
    maxPeers: maxConnections,
  }
}

/** What is taken from a reply. */
export function dhtReplyLimits(kBucketSize: number, addresses: number) {
  return {
    /** Twenty peers with eight addresses of 64 bytes have 12 KiB. */
    bytes: 32 * KIB,
    peers: kBucketSize,
    addresses,
    idBytes: PEER_ID_LIMIT_BYTES,
    /** As long as those that are dialled may be. */
    addressBytes: 512,
  }
}
