import { backoffMs } from '../lib/backoff.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { escapeRemote } from '../lib/text.ts'
import type { Logger } from '../telemetry/index.ts'
import type { NetworkMetrics } from './metrics.ts'

/** A peer with so many points is disconnected. */
export const SHUN_AT_POINTS = 100
/** Half of a penalty is forgotten after this long. */
const HALF_LIFE_MS = 10 * 60_000
const SHUN_MIN_MS = 60_000
const SHUN_MAX_MS = 4 * 3_600_000
/** Strikes are forgotten this long after the last one ended: the next shunning is a short one again. */
const STRIKES_KEPT_MS = 24 * 3_600_000
const PEERS_LIMIT = 4096
/** Points that gossip takes no notice of: one mistake costs nobody its place in a mesh. */
const GOSSIP_GRACE_POINTS = 20
/** With gossip's weight of 10, a peer about to be shunned stands at its graylist threshold of -80. */
const POINTS_PER_SCORE = 10

interface Standing {
  points: number
  updatedAtMs: number
  strikes: number
  shunnedUntilMs: number
}

export interface PeerPenaltiesComponents {
  /** Ends every connection with the peer at once. */
  readonly hangUp: (peerId: string) => void
  readonly metrics: Pick<NetworkMetrics, 'peerShunned'>
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

/**
 * What peers did to those who talk with them, as points that fade. A peer that has too many is
 * disconnected, and neither dialled nor let in for a while: a minute, doubled each time, at most four
 * hours. The 4 096 peers heard of last are remembered.
 */
export class PeerPenalties {
  readonly #components: PeerPenaltiesComponents
  readonly #clock: Clock
  readonly #standings = new BoundedMap<string, Standing>({ limit: PEERS_LIMIT })

  constructor(components: PeerPenaltiesComponents) {
    this.#components = components
    this.#clock = components.clock ?? systemClock
  }

  /** Adds points to a peer. @param offence one of our own reason codes, for the log and the counter. */
  report(peerId: string, offence: string, points: number): void {
    const standing = this.#standings.get(peerId) ?? this.#open(peerId)
    const nowMs = this.#clock.now()
    standing.points = faded(standing, nowMs) + points
    standing.updatedAtMs = nowMs
    if (standing.points < SHUN_AT_POINTS || standing.shunnedUntilMs > nowMs) return
    this.#shun(peerId, standing, offence)
  }

  /** Points now; 0 for a peer that did nothing or was forgotten. */
  penaltyOf(peerId: string): number {
    const standing = this.#standings.peek(peerId)
    return standing === undefined ? 0 : faded(standing, this.#clock.now())
  }

  isShunned(peerId: string): boolean {
    return (this.#standings.peek(peerId)?.shunnedUntilMs ?? 0) > this.#clock.now()
  }

  /** What the penalty makes of a peer for gossip: 0 or less. */
  gossipScoreOf(peerId: string): number {
    const points = this.penaltyOf(peerId) - GOSSIP_GRACE_POINTS
    return points <= 0 ? 0 : -points / POINTS_PER_SCORE
  }

  #open(peerId: string): Standing {
    const standing = { points: 0, updatedAtMs: 0, strikes: 0, shunnedUntilMs: 0 }
    this.#standings.set(peerId, standing)
    return standing
  }

  #shun(peerId: string, standing: Standing, offence: string): void {
    const { hangUp, metrics, logger } = this.#components
    const nowMs = this.#clock.now()
    if (nowMs - standing.shunnedUntilMs > STRIKES_KEPT_MS) standing.strikes = 0
    const limits = { attempt: standing.strikes, minMs: SHUN_MIN_MS, maxMs: SHUN_MAX_MS }
    const forMs = backoffMs({ ...limits, jitter: 0 })
    standing.strikes += 1
    standing.shunnedUntilMs = nowMs + forMs
    // It comes back with a clean sheet, and pays for the next offences with a longer wait.
    standing.points = 0
    metrics.peerShunned(offence)
    const seconds = Math.round(forMs / 1000)
    logger.warn({ peer: escapeRemote(peerId), offence, seconds }, 'Peer shunned for what it did')
    hangUp(peerId)
  }
}

function faded({ points, updatedAtMs }: Standing, nowMs: number): number {
  // A wall clock that jumps back must not add to a penalty.
  return points * 0.5 ** (Math.max(0, nowMs - updatedAtMs) / HALF_LIFE_MS)
}
