import { isWebRtc } from './addresses.ts'
import { isObject } from './errors.ts'
import type { PeerEvents } from './peers.ts'

/** What the muxer says before the first answer. */
const UNKNOWN = -1

/** The same two functions for all connections: with some for each, V8 keeps 1.6 KiB more of each. */
const ROUND_TRIP: PropertyDescriptor & ThisType<object> = {
  get(): number | undefined {
    return roundTripOf(Reflect.get(this, 'muxer'))
  },
  set(value: number | undefined): void {
    const muxer: unknown = Reflect.get(this, 'muxer')
    if (isObject(muxer)) Reflect.set(muxer, 'rtt', value ?? UNKNOWN)
  },
}

/**
 * Tells each connection its round trip as the muxer measured it, with the pings by which it keeps the
 * connection alive. The monitor of libp2p 3.3, which tells it otherwise, pings every connection in the same
 * moment, over a stream of its own: with 2 000 peers it holds up all else twice a minute. Can go when it
 * spreads them. Lives as long as libp2p.
 */
export function tellRoundTrips(events: PeerEvents): void {
  events.addEventListener('connection:open', ({ detail: connection }) => {
    // There the muxer's pings end in this machine: see `webrtc/`.
    if (isWebRtc(connection.remoteAddr)) return
    Object.defineProperty(connection, 'rtt', ROUND_TRIP)
  })
}

/** ms; undefined before the first answer, and for a muxer that does not measure it. */
function roundTripOf(muxer: unknown): number | undefined {
  const rtt: unknown = isObject(muxer) ? Reflect.get(muxer, 'rtt') : undefined
  return typeof rtt === 'number' && rtt >= 0 ? rtt : undefined
}
