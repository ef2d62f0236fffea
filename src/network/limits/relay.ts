import type { RelayLimits } from '../relay/types.ts'
import { GIB, KIB, MIB, MINUTE_MS, type Scale } from './scale.ts'

/** 550 GB. */
const MONTHLY_MOST_BYTES = 512 * GIB

/** What the relay may hold and pass on, as far as memory says; the operator's settings come on top. */
export function relayLimits(scale: Scale, maxConnections: number): RelayLimits {
  return {
    reservations: {
      /** Peers to be reached here. A place costs 1 KiB and a connection: half of them stay for others. */
      total: Math.min(scale(512, 1_024), Math.floor(maxConnections / 2)),
      /** Stations of one household, each with its own peer ID. */
      perHost: 4,
      /** A provider's neighbourhood; who rents a /24 takes a thirty-second of the places. */
      perSubnet: 16,
      /** Refreshed five minutes before the end; a relay that restarts is found out by then at the latest. */
      ttlSeconds: 30 * 60,
      /** A client that changes networks is back in seconds; ghosts must not fill the relay. */
      graceMs: 1 * MINUTE_MS,
    },
    circuits: {
      /** Each holds 256 KiB at worst: 100 MiB of 512 MB, 200 MiB of 1 GB, 400 MiB of 2 GB. */
      total: scale(800, 1_600),
      /** Peers that one peer talks with through here at a time; a quarter of the streams it may open. */
      perSource: scale(16, 32),
      /** Peers that one peer is reached by at a time; half of the streams its connection carries. */
      perDestination: scale(32, 64),
      /** DCUtR and WebRTC take under a minute; what has to stay relayed comes back every five. */
      durationSeconds: 5 * 60,
      /** Negotiating a direct connection takes 20 KiB; the rest is for those who get none. */
      bytesPerDirection: scale(2 * MIB, 4 * MIB),
      /** One window of the muxer, the least that its protocol allows. */
      heldBytes: 256 * KIB,
    },
    rates: {
      /** 2 Mbit/s: a circuit's bytes pass in eight seconds. */
      circuitBytesPerSecond: 256 * KIB,
      /** Four circuits of one household at full speed. */
      hostBytesPerSecond: 1 * MIB,
      /** 34 Mbit/s in and as much out with 1 GB: a third of such a server's line. */
      totalBytesPerSecond: scale(4 * MIB, 8 * MIB),
      /** Handshakes never wait: they take a few KiB within a second. */
      burstSeconds: 4,
    },
    /**
     * Half of the terabyte that small servers come with, since each byte is received and sent. More
     * memory does not bring more of it.
     */
    monthlyBytes: Math.min(scale(256 * GIB, MONTHLY_MOST_BYTES), MONTHLY_MOST_BYTES),
  }
}
