import { KIB, type Scale, SECOND_MS } from './scale.ts'

/** What the host's connections take: how many, from where, and how long each step of one may last. */
export function connectionLimits(scale: Scale, maxConnections: number) {
  return {
    connectionManager: {
      /** Connections. All of them count; at this number inbound ones are refused. */
      maxConnections,
      /**
       * Connections in their handshake. A restarted bootstrap is found by all its stations at once: a hundred
       * a second that take a second each, and as many again on slow links.
       */
      maxIncomingPendingConnections: scale(256, 512),
      /** Connections a second from one host. A station needs one; a school or a carrier's NAT some. */
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
    handshakes: {
      /** Handshakes of one public host: a household's stations after a power cut. */
      perHost: 8,
      /** Of one /24 or /48: with 1 GB it takes sixteen such to hold all of them. */
      perSubnet: 16,
    },
    handshakeTurns: {
      /** Handshakes worked on at the same time: those of half a second at a hundred a second. */
      atOnce: 48,
      /** Begun in each round of the event loop: at 10 ms each they make a round last 20 ms. */
      perRound: 2,
      /** Wait for that: a station gives an address up after `addressDialTimeout`, and then has the handshake to do. */
      waitMs: 2.5 * SECOND_MS,
    },
    places: {
      /** Share of the connections that strangers leave free for known stations, those that are here counted. */
      keptShare: 0.2,
      /** Share of the strangers' places from which on a stranger has to say what it is. */
      crowdedShare: 0.85,
      /** Identify takes one round trip; three times what it may last. */
      identifyWithinMs: 15 * SECOND_MS,
      /** Inbound connections of one peer: two families, two transports, relayed and replaced ones. */
      perPeer: 8,
    },
  }
}

/** How often a connection may ask who we are, and tell who it is; see `guardIdentify`. */
export function identifyRateLimits() {
  const ofConnection = { burst: 8, perSecond: 0.2 }
  /** libp2p pushes once a second at most, for as long as something goes on changing. */
  const patience = { burst: 32, perSecond: 1 }
  /** A signature each. */
  const again = { burst: 128, perSecond: 32 }
  /** Some milliseconds each. Nobody's addresses change every minute, but those of many when a relay goes. */
  const strangers = { burst: 128, perSecond: 24 }
  const known = { burst: 512, perSecond: 96 }
  return {
    asked: { ofConnection, patience, inAll: { strangers: again, known: again }, isFirstFree: true },
    told: { ofConnection, patience, inAll: { strangers, known }, isFirstFree: false },
  }
}

/** Memory of the process with no connection: code, heap and the registry's caches. */
const BASE_MB = 110
/** Share of what is left that idle connections may take; the rest is traffic and the registry. */
const IDLE_SHARE = 0.6
/**
 * KiB of resident memory that one more idle inbound connection takes, with identify done, all logs compared and
 * both gossip streams open. Measured over TCP by `npm run bench -- peers` with Node 24.21 and libp2p 3.3.11: 104 MB
 * without any, 293 MB with 1 988, caches that fill with them included.
 */
const KIB_PER_CONNECTION = 98

/** @returns how many connections the memory carries, between 100 and 10 000: 2 520 on 512 MB */
export function inboundConnections(memoryMb: number): number {
  const idleKib = Math.max(0, memoryMb - BASE_MB) * KIB * IDLE_SHARE
  return Math.min(10_000, Math.max(100, Math.floor(idleKib / KIB_PER_CONNECTION)))
}
