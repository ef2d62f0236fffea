import { BoundedMap } from '../lib/bounded-map.ts'
import { type Clock, steadyClock, systemClock } from '../lib/clock.ts'
import { escapeRemote } from '../lib/text.ts'
import type { Logger } from '../telemetry/index.ts'
import type { NetworkMetrics } from './metrics.ts'
import { FadingPoints } from './penalties/fading-points.ts'
import { type SavedShunning, Shunned } from './penalties/shunned.ts'
import type { Clocks, Term } from './penalties/term.ts'

/** A peer with so many points is disconnected. */
export const SHUN_AT_POINTS = 100
const SHUN_MIN_MS = 60_000
const SHUN_MAX_MS = 4 * 3_600_000
const PEERS_LIMIT = 4096
/** Of a mistake of a point and a shunning alike, so much is as good as nothing. */
const FADED_POINTS = 0.5
/** Points that gossip takes no notice of: one mistake costs nobody its place in a mesh. */
const GOSSIP_GRACE_POINTS = 20
/** With gossip's weight of 10, a peer about to be shunned stands at its graylist threshold of -80. */
const POINTS_PER_SCORE = 10
/** Offences of fewer points are those that a damaged disk or a frozen machine commits, too. */
const CERTAIN_POINTS = 20
/** What such offences make of a known station at most: less than half, the rest has to be certain. */
const UNCERTAIN_LIMIT = 45

/** What a peer is to this node. A seed is one that the operator wrote; a known station is worth something to gossip. */
export type PeerRole = 'own' | 'seed' | 'known' | 'stranger'

export interface PeerPenaltiesComponents {
  /** Ends every connection with the peer at once. */
  readonly hangUp: (peerId: string) => void
  readonly metrics: Pick<NetworkMetrics, 'peerShunned'>
  readonly logger: Logger
  /** @default everybody is a stranger */
  readonly roleOf?: (peerId: string) => PeerRole
  /** Whether the operator banned the peer. @default nobody */
  readonly isBanned?: (peerId: string) => boolean
  /** Addresses that it is connected from. @default none */
  readonly hostsOf?: (peerId: string) => readonly string[]
  /** A peer is shunned that came from these. */
  readonly onShunned?: (peerId: string, hosts: readonly string[]) => void
  /** There is something new to keep. */
  readonly onChanged?: () => void
  /** @default systemClock */
  readonly clock?: Clock
  /** @default the clock that was given, or a steady one */
  readonly steady?: Pick<Clock, 'now'>
}

export interface PeerShunning {
  readonly peerId: string
  readonly reasons: readonly string[]
  readonly strikes: number
  readonly term: Term
}

export interface PeerPoints {
  readonly peerId: string
  readonly points: number
  readonly offences: readonly string[]
}

export interface SavedPeers {
  readonly points: readonly PeerPoints[]
  readonly shunned: readonly SavedShunning[]
}

/**
 * What peers did to those who talk with them, as points that fade. A peer that has too many is
 * disconnected, and neither dialled nor let in for a while: a minute, doubled each time, at most four
 * hours; a seed always for the minute. The 4 096 peers heard of last are remembered, and apart from
 * them as many that were shunned, so that newcomers' mistakes lift nobody's.
 */
export class PeerPenalties {
  readonly #components: PeerPenaltiesComponents
  readonly #clocks: Clocks
  readonly #points = new BoundedMap<string, FadingPoints>({
    limit: PEERS_LIMIT,
    isSpent: ({ now }) => now < FADED_POINTS,
  })
  readonly #shunned: Shunned

  constructor(components: PeerPenaltiesComponents) {
    this.#components = components
    const { clock = systemClock, steady = components.clock ?? steadyClock() } = components
    this.#clocks = { wall: clock, steady }
    const limits = { limit: PEERS_LIMIT, minMs: SHUN_MIN_MS, maxMs: SHUN_MAX_MS }
    this.#shunned = new Shunned(limits, this.#clocks)
  }

  /**
   * Adds points to a peer. Of a known station, offences of fewer than 20 points count to 45 in all: it takes
   * certain ones besides to shun it. @param offence one of our own reason codes, for log, list and counter.
   */
  report(peerId: string, offence: string, points: number): void {
    const role = this.#roleOf(peerId)
    if (role === 'own' || !(points > 0)) return
    const isDoubtful = role !== 'stranger' && points < CERTAIN_POINTS
    const limit = isDoubtful ? UNCERTAIN_LIMIT : Number.POSITIVE_INFINITY
    const standing = this.#points.get(peerId) ?? new FadingPoints(this.#clocks.steady)
    this.#points.set(peerId, standing)
    const sum = standing.add(points, offence, limit)
    this.#components.onChanged?.()
    if (sum >= SHUN_AT_POINTS && !this.#shunned.has(peerId)) {
      this.#shun(peerId, role, offence, standing)
    }
  }

  /** Points now; 0 for a peer that did nothing or was forgotten. */
  penaltyOf(peerId: string): number {
    return this.#points.peek(peerId)?.now ?? 0
  }

  /** By the rules or by the operator. */
  isShunned(peerId: string): boolean {
    return this.#shunned.has(peerId) || this.#components.isBanned?.(peerId) === true
  }

  /** What the penalty makes of a peer for gossip: 0 or less. */
  gossipScoreOf(peerId: string): number {
    const points = this.penaltyOf(peerId) - GOSSIP_GRACE_POINTS
    return points <= 0 ? 0 : -points / POINTS_PER_SCORE
  }

  /** Forgets all that a peer did. @returns whether it was shunned */
  lift(peerId: string): boolean {
    this.#points.delete(peerId)
    return this.#shunned.lift(peerId)
  }

  /** Shunned by the rules now, the oldest first. */
  shunned(): PeerShunning[] {
    return this.#shunned.list().map(({ key, ...shunning }) => ({ peerId: key, ...shunning }))
  }

  get shunnedCount(): number {
    return this.#shunned.size
  }

  /** Those with a point at least that are not shunned. */
  points(): PeerPoints[] {
    return [...this.#points.entries()]
      .filter(([peerId, standing]) => standing.now >= 1 && !this.#shunned.has(peerId))
      .map(([peerId, { now, offences }]) => ({ peerId, points: now, offences }))
  }

  save(): SavedPeers {
    return { points: this.points(), shunned: this.#shunned.save() }
  }

  /** @param ageMs of what was saved, by the wall clock */
  restore({ points, shunned }: SavedPeers, ageMs: number): void {
    this.#shunned.restore(shunned)
    for (const one of points) {
      const standing = new FadingPoints(this.#clocks.steady)
      standing.restore(Math.min(one.points, SHUN_AT_POINTS), one.offences, ageMs)
      this.#points.set(one.peerId, standing)
    }
  }

  #roleOf(peerId: string): PeerRole {
    return this.#components.roleOf?.(peerId) ?? 'stranger'
  }

  #shun(peerId: string, role: PeerRole, offence: string, { offences }: FadingPoints): void {
    const { hangUp, metrics, logger, hostsOf, onShunned } = this.#components
    // The operator wants it: it has to come back by itself, and soon.
    const forMs = this.#shunned.shun(peerId, offences, role === 'seed' ? SHUN_MIN_MS : undefined)
    // It comes back with a clean sheet, and pays for the next offences with a longer wait.
    this.#points.delete(peerId)
    const hosts = hostsOf?.(peerId) ?? []
    metrics.peerShunned(offence)
    const where = hosts[0] === undefined ? {} : { host: escapeRemote(hosts[0]) }
    const seconds = Math.round(forMs / 1000)
    logger.warn(
      { ...where, peer: escapeRemote(peerId), offence, seconds },
      'Peer shunned for what it did',
    )
    hangUp(peerId)
    onShunned?.(peerId, hosts)
  }
}
