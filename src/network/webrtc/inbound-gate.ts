import { type Clock, systemClock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { normalizeHost } from '../address-class.ts'
import { sourceKeys } from '../guards/inbound-caps.ts'
import type { WebRtcOutcome } from './metrics.ts'

export interface WebRtcLimits {
  /** Peer connections that are kept. Who comes then takes one of the places, or none, when it has proved who it is. */
  readonly maxConnections: number
  /** Peer connections being made: their native parts take 50 KB and more before anybody is known. */
  readonly maxPending: number
  /** Peer connections being made for one IPv4 address or IPv6 /64. */
  readonly maxPendingPerHost: number
  /** Begun in a second, after a burst of as many. */
  readonly perSecond: number
}

/**
 * Browsers connect once and stay; 16 at a time, each done in half a second, lets thirty in a second. Who
 * forges addresses fills the 16 places, each for 5 s, and keeps honest browsers out of this port, no more.
 */
export const WEBRTC_LIMITS: WebRtcLimits = {
  maxConnections: 128,
  maxPending: 16,
  maxPendingPerHost: 4,
  perSecond: 30,
}

/** Counts the peer connections that are being made, and says when one more is too many. */
export class InboundGate {
  readonly #limits: WebRtcLimits
  readonly #rate: TokenBucket
  readonly #pending = new Map<string, number>()
  #pendingCount = 0

  constructor(limits: WebRtcLimits, clock: Pick<Clock, 'now'> = systemClock) {
    this.#limits = limits
    const { perSecond } = limits
    this.#rate = new TokenBucket({ capacity: perSecond, refillPerSecond: perSecond, clock })
  }

  /**
   * Takes a place, if there is one.
   * @param open peer connections that there are now
   * @returns how to give it back, or why there is none
   */
  admit(ip: string, open: number): (() => void) | Exclude<WebRtcOutcome, 'tried'> {
    const { maxConnections, maxPending, maxPendingPerHost } = this.#limits
    const { host } = sourceKeys(normalizeHost(ip))
    const pendingOfHost = this.#pending.get(host) ?? 0
    // A knock may be forged, so it takes a place from nobody.
    if (open >= maxConnections + maxPending) return 'connection-cap'
    if (this.#pendingCount >= maxPending) return 'pending-cap'
    if (pendingOfHost >= maxPendingPerHost) return 'host-cap'
    if (!this.#rate.tryTake()) return 'rate'
    this.#pendingCount += 1
    this.#pending.set(host, pendingOfHost + 1)
    return () => {
      this.#pendingCount -= 1
      const left = (this.#pending.get(host) ?? 1) - 1
      if (left > 0) this.#pending.set(host, left)
      else this.#pending.delete(host)
    }
  }
}
