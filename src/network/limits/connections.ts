import { KIB, type Scale, SECOND_MS } from './scale.ts'

/** What the host's connections take: how many, from where, and how long each step of one may last. */
export function connectionLimits(scale: Scale, maxConnections: number) {
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
  }
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
export function inboundConnections(memoryMb: number): number {
  const idleKib = Math.max(0, memoryMb - BASE_MB) * KIB * IDLE_SHARE
  return Math.min(10_000, Math.max(100, Math.floor(idleKib / KIB_PER_CONNECTION)))
}
