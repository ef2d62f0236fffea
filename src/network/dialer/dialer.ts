import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import { escapeRemote } from '../../lib/text.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { DiscoveryMetrics } from '../discovery/metrics.ts'
import type { Seed, Seeds } from '../discovery/seeds.ts'
import type { Candidate } from '../types.ts'
import type { Attempts } from './attempts.ts'
import { type CandidateEntry, CandidateTable, policyOf } from './candidate-table.ts'
import { chooseCandidates } from './choose.ts'
import { subnetOf } from './dial-address.ts'
import type { DialPort, OpenPeer } from './dial-port.ts'
import { Outbound } from './outbound.ts'
import { classifyDialError, type DialOutcome, describeDialError } from './outcome.ts'
import { afterDisconnect, afterFailure, afterRefusal, afterSuccess } from './retry.ts'

/** Slots that candidates leave free, so that a seed never waits behind a thousand dead addresses. */
const SEED_SLOTS = 2
const STEP_MS = 1000

export interface DialerOptions {
  /** Peers wanted; below it candidates are dialled, above it only seeds are. */
  readonly targetPeers: number
  readonly maxParallelDials: number
  /** Candidate dials: a burst of so many, then `dialsPerSecond`. @default 20 */
  readonly dialBurst?: number
  /** @default 2 */
  readonly dialsPerSecond?: number
  /** @default 2000 */
  readonly candidateLimit?: number
}

export interface DialerComponents {
  readonly port: DialPort
  readonly seeds: Seeds
  readonly attempts: Attempts
  /** Peers that were reached before, proposed again when nobody is left. */
  readonly addressBook: () => readonly Candidate[]
  readonly logger: Logger
  readonly metrics: DiscoveryMetrics
  readonly clock: Clock
  readonly random: () => number
}

/**
 * The one place that decides to dial. Sources only propose; once a second, and whenever something
 * changes, it looks what is wanted and starts at most that much. libp2p 3 has no auto-dial, and its
 * connection limit counts inbound connections only, so the target is what bounds outbound ones.
 */
export class Dialer {
  readonly #options: DialerOptions
  readonly #components: DialerComponents
  readonly #table: CandidateTable
  readonly #bucket: TokenBucket
  readonly #loop: Loop
  /** Dials under way, at most `maxParallelDials`. */
  readonly #running = new Set<Promise<void>>()
  readonly #outbound = new Outbound()
  #controller = new AbortController()
  #unsubscribe: (() => void) | null = null

  constructor(options: DialerOptions, components: DialerComponents) {
    const { dialBurst = 20, dialsPerSecond = 2, candidateLimit = 2000 } = options
    const { clock, port, logger } = components
    this.#options = options
    this.#components = components
    this.#table = new CandidateTable({ limit: candidateLimit, ownPeerId: port.peerId })
    this.#bucket = new TokenBucket({ capacity: dialBurst, refillPerSecond: dialsPerSecond, clock })
    this.#loop = new Loop({
      name: 'dialer',
      intervalMs: STEP_MS,
      clock,
      run: async () => this.step(),
      onError: (error) => logger.error({ error }, 'dialer step failed'),
    })
  }

  start(): void {
    if (this.#unsubscribe !== null) return
    const { port } = this.#components
    this.#controller = new AbortController()
    this.#unsubscribe = port.onPeer((peerId, isConnected) => {
      if (isConnected) this.#noteConnected(peerId)
      else this.#noteDisconnected(peerId)
      this.#loop.wake()
    })
    for (const peer of port.peers()) this.#noteConnected(peer.peerId)
    this.#proposeKnown()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    this.#controller.abort()
    await this.#loop.stop()
    await Promise.all(this.#running)
    this.#outbound.clear()
    this.#components.seeds.reset()
  }

  get candidateCount(): number {
    return this.#table.size
  }

  get dialsInProgress(): number {
    return this.#running.size
  }

  /** Takes a candidate into consideration. @returns false when nothing of it may ever be dialled. */
  propose(candidate: Candidate): boolean {
    const { port, metrics } = this.#components
    const { source } = candidate
    const addresses = candidate.addresses
      .slice(0, 32)
      .filter((address) => port.isAllowed(address, source))
    const isAccepted = this.#table.propose({ ...candidate, addresses })
    metrics.proposed(source, isAccepted)
    if (isAccepted) this.#loop.wake()
    return isAccepted
  }

  /** True when fewer peers are connected than wanted: sources look harder then. */
  get isBelowTarget(): boolean {
    return this.#missing(this.#components.port.peers()) > 0
  }

  /** One look at what is wanted; starts dials and returns at once. Called by the loop. */
  step(): void {
    if (this.#controller.signal.aborted) return
    const { port, clock, seeds } = this.#components
    const nowMs = clock.now()
    const peers = port.peers()
    for (const peerId of this.#outbound.takeStrangers(peers)) this.#dropStranger(peerId, nowMs)
    for (const { peerId, isStation } of peers) if (isStation) seeds.noteStation(peerId)
    this.#dialSeeds(nowMs)
    this.#dialCandidates(peers, nowMs)
  }

  #dialSeeds(nowMs: number): void {
    const { seeds, attempts } = this.#components
    for (const seed of seeds.due(nowMs, this.#outbound.isIsolated)) {
      if (this.#running.size >= this.#options.maxParallelDials) return
      this.#run(seed, (signal) => this.#dialSeed(seed, attempts, signal))
    }
  }

  #dialCandidates(peers: readonly OpenPeer[], nowMs: number): void {
    const { maxParallelDials } = this.#options
    const slots = Math.max(1, maxParallelDials - SEED_SLOTS) - this.#running.size
    const count = Math.min(this.#missing(peers) - this.#running.size, slots)
    if (count <= 0) return
    const chosen = chooseCandidates({
      entries: this.#table.values(),
      connectedPeerIds: new Set(peers.map((peer) => peer.peerId)),
      connectedSubnets: peers.map((peer) => subnetOf(peer.address)),
      count,
      isIsolated: this.#outbound.isIsolated,
      nowMs,
      random: this.#components.random,
    })
    for (const entry of chosen) {
      if (!this.#bucket.tryTake()) return
      this.#run(entry, (signal) => this.#dialCandidate(entry, signal))
    }
  }

  #run(target: Seed | CandidateEntry, job: (signal: AbortSignal) => Promise<void>): void {
    target.isDialing = true
    const running = job(this.#controller.signal)
      .catch((error) => this.#components.logger.error({ error }, 'dial ended unexpectedly'))
      .finally(() => {
        target.isDialing = false
        this.#running.delete(running)
        this.#loop.wake()
      })
    this.#running.add(running)
  }

  async #dialSeed(seed: Seed, attempts: Attempts, signal: AbortSignal): Promise<void> {
    const { seeds, clock } = this.#components
    try {
      const { reached, others } = await attempts.seed(seed, signal)
      if (!this.#outbound.isConnected(reached.peerId))
        throw new Error('the connection closed at once')
      this.#record('ok', { source: 'seed', peerId: reached.peerId, reason: null })
      this.#outbound.keep(reached.peerId)
      seeds.reached(seed, reached.peerId, clock.now())
      for (const other of others) this.propose({ source: 'seed', ...other })
    } catch (error) {
      if (signal.aborted) return
      const outcome = classifyDialError(error)
      const reason = describeDialError(error)
      const nowMs = clock.now()
      if (outcome === 'self') seeds.isSelf(seed, nowMs)
      else if (outcome === 'wrong-peer') seeds.refused(seed, reason, nowMs)
      else seeds.unreachable(seed, reason, nowMs)
      this.#record(outcome, { source: 'seed', peerId: seed.pinnedPeerId, reason })
    }
  }

  async #dialCandidate(entry: CandidateEntry, signal: AbortSignal): Promise<void> {
    const { attempts, clock, random } = this.#components
    const { source, peerId } = entry
    try {
      const reached = await attempts.candidate(entry, signal)
      this.#record('ok', { source, peerId: reached.peerId, reason: null })
      entry.retry = afterSuccess(entry.retry, clock.now())
      this.#outbound.keep(reached.peerId)
      if (peerId !== null) return
      // Now that it has a name, the address is kept under it.
      this.#table.delete(entry.key)
      this.propose({ source, peerId: reached.peerId, addresses: [reached.address] })
    } catch (error) {
      if (signal.aborted) return
      const outcome = classifyDialError(error)
      this.#record(outcome, { source, peerId, reason: describeDialError(error) })
      const nowMs = clock.now()
      const isFinal = outcome === 'wrong-peer' || outcome === 'self'
      entry.retry = isFinal
        ? afterRefusal(entry.retry, nowMs, random)
        : afterFailure(entry.retry, policyOf(entry), nowMs, random)
    }
  }

  #record(
    outcome: DialOutcome,
    facts: { source: Candidate['source']; peerId: string | null; reason: string | null },
  ): void {
    const { metrics, logger } = this.#components
    metrics.dialed(outcome, facts.source)
    if (!logger.isLevelEnabled('debug')) return
    const reason = facts.reason === null ? undefined : escapeRemote(facts.reason)
    logger.debug({ outcome, ...facts, reason }, 'dial ended')
  }

  #noteConnected(peerId: string): void {
    const nowMs = this.#components.clock.now()
    this.#outbound.noteConnected(peerId, nowMs)
    this.#table.touch(peerId)
    this.#components.seeds.noteConnected(peerId, nowMs)
  }

  #noteDisconnected(peerId: string): void {
    const { clock, random, seeds } = this.#components
    const nowMs = clock.now()
    const times = { connectedAtMs: this.#outbound.noteDisconnected(peerId, nowMs), nowMs }
    seeds.noteDisconnected(peerId, times)
    const entry = this.#table.touch(peerId)
    if (entry !== null) {
      entry.retry = afterDisconnect(entry.retry, policyOf(entry), times, random)
    }
    if (this.#outbound.isIsolated) this.#proposeKnown()
  }

  /** Whoever flooded us with candidates pushed the proven ones out of the table, then all else failed. */
  #proposeKnown(): void {
    for (const candidate of this.#components.addressBook()) this.propose(candidate)
  }

  /**
   * A peer that we dialled does not say that it is a station of this network. It is let go and dialled
   * again later and later, since an overloaded one looks the same.
   */
  #dropStranger(peerId: string, nowMs: number): void {
    const { seeds, metrics } = this.#components
    seeds.noteStranger(peerId, nowMs)
    metrics.dialed('not-a-station', this.#table.touch(peerId)?.source ?? 'seed')
    this.#hangUp(peerId)
  }

  #hangUp(peerId: string): void {
    const { port, logger } = this.#components
    port.hangUp(peerId).catch((error) => {
      logger.debug({ peerId, reason: describeDialError(error) }, 'hanging up failed')
    })
  }

  /** Stations wanted beyond those connected; who was not identified yet is taken to be one. */
  #missing(peers: readonly OpenPeer[]): number {
    const stations = peers.filter((peer) => peer.isStation !== false).length
    return this.#options.targetPeers - stations
  }
}
