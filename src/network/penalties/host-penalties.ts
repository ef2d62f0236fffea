import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Logger } from '../../telemetry/index.ts'
import { FadingPoints } from './fading-points.ts'
import { publicHostKey } from './host-key.ts'
import { type SavedShunning, Shunned, type Shunning } from './shunned.ts'
import type { Clocks } from './term.ts'

/** Peer IDs of one host that have to be shunned within the time below; fewer may be one guest of a NAT. */
const PEERS_TO_SHUN = 3
const PEERS_WITHIN_MS = 60 * 60_000
/** More of them change nothing. */
const PEERS_REMEMBERED = 8
const SHUN_AT_POINTS = 100
/** Shorter than a peer's: others may share the address. */
const SHUN_MIN_MS = 5 * 60_000
const SHUN_MAX_MS = 60 * 60_000
const HOSTS_LIMIT = 4096
/** The reason of a host that is shunned for its peers. */
const BY_PEERS = 'shunned_peers'

export interface HostPenaltiesComponents {
  /** Addresses never judged: networks exempted, own ones, what the operator wrote. */
  readonly isExempt: (ip: string) => boolean
  /** Whether a peer without points is connected from the host. */
  readonly hasGoodPeer: (host: string) => boolean
  /** @param reason a code of ours */
  readonly onShunned: (reason: string) => void
  readonly onChanged: () => void
  readonly logger: Pick<Logger, 'warn'>
  readonly clocks: Clocks
}

interface HostStanding {
  points: FadingPoints
  /** Peer -> when it was shunned, on the steady clock. */
  readonly peers: BoundedMap<string, number>
}

/**
 * Peer IDs cost nothing, so the public hosts (IPv4 address, IPv6 /64) behind them are judged too: one
 * with three shunned peers in an hour, or that sends what no peer sends before it says who it is, is
 * not let in for five minutes, doubled each time, at most an hour. What is connected stays.
 */
export class HostPenalties {
  readonly #components: HostPenaltiesComponents
  readonly #standings = new BoundedMap<string, HostStanding>({ limit: HOSTS_LIMIT })
  readonly #shunned: Shunned

  constructor(components: HostPenaltiesComponents) {
    this.#components = components
    const limits = { limit: HOSTS_LIMIT, minMs: SHUN_MIN_MS, maxMs: SHUN_MAX_MS }
    this.#shunned = new Shunned(limits, components.clocks)
  }

  /** A peer that is connected from there was shunned. */
  peerShunned(peerId: string, ip: string): void {
    const host = this.#judged(ip)
    if (host === null) return
    const { peers } = this.#open(host)
    const nowMs = this.#components.clocks.steady.now()
    peers.set(peerId, nowMs)
    const recent = [...peers.values()].filter((atMs) => nowMs - atMs < PEERS_WITHIN_MS)
    if (recent.length >= PEERS_TO_SHUN) this.#shun(host, BY_PEERS, [BY_PEERS])
  }

  /**
   * Something no peer sends came from there, and nobody knows from whom. It shuns no host that a
   * well-behaved peer is connected from. @param offence a code of ours
   */
  report(ip: string, offence: string, points: number): void {
    const host = this.#judged(ip)
    if (host === null) return
    const standing = this.#open(host)
    if (standing.points.add(points, offence) < SHUN_AT_POINTS) return
    const { offences } = standing.points
    // Looking through the connections costs time: not again before as much more came.
    standing.points = new FadingPoints(this.#components.clocks.steady)
    if (!this.#components.hasGoodPeer(host)) this.#shun(host, offence, offences)
  }

  isShunned(ip: string): boolean {
    // Exemption last: it is asked with every connection, and costs most.
    const host = publicHostKey(ip)
    return host !== null && this.#shunned.has(host) && !this.#components.isExempt(ip)
  }

  /** @returns whether it was shunned */
  lift(host: string): boolean {
    this.#standings.delete(host)
    return this.#shunned.lift(host)
  }

  /** A peer that was shunned by mistake speaks no longer against its hosts. */
  forgetPeer(peerId: string): void {
    for (const { peers } of this.#standings.values()) peers.delete(peerId)
  }

  /** Those that are shunned now, the oldest first. */
  list(): (Shunning & { readonly key: string })[] {
    return this.#shunned.list()
  }

  get count(): number {
    return this.#shunned.size
  }

  save(): SavedShunning[] {
    return this.#shunned.save()
  }

  restore(saved: readonly SavedShunning[]): void {
    this.#shunned.restore(saved)
  }

  #judged(ip: string): string | null {
    return this.#components.isExempt(ip) ? null : publicHostKey(ip)
  }

  #open(host: string): HostStanding {
    const known = this.#standings.get(host)
    if (known !== undefined) return known
    const points = new FadingPoints(this.#components.clocks.steady)
    const standing = { points, peers: new BoundedMap<string, number>({ limit: PEERS_REMEMBERED }) }
    this.#standings.set(host, standing)
    return standing
  }

  #shun(host: string, reason: string, reasons: readonly string[]): void {
    const { logger, onShunned, onChanged } = this.#components
    if (this.#shunned.has(host)) return
    const seconds = Math.round(this.#shunned.shun(host, reasons) / 1000)
    // For the next time it takes as much again.
    this.#standings.delete(host)
    onShunned(reason)
    logger.warn({ host, reason, seconds }, 'Host shunned for what came from it')
    onChanged()
  }
}
