import { Loop } from '../../lib/loop.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Candidate } from '../types.ts'
import { CandidateTable, policyOf } from './candidate-table.ts'
import { chooseCandidates, isRelayedOnly } from './choose.ts'
import { Crowd, type Wanted, wanted } from './crowd.ts'
import { DialJobs } from './dial-jobs.ts'
import type { OpenPeer, Reached } from './dial-port.ts'
import { DialRuns } from './dial-runs.ts'
import type { DialerComponents, DialerOptions } from './options.ts'
import { Outbound } from './outbound.ts'
import { describeDialError } from './outcome.ts'
import { afterDisconnect } from './retry.ts'

/** Slots that candidates leave free, so that a seed never waits behind a thousand dead addresses. */
const SEED_SLOTS = 2
const STEP_MS = 1000

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
  /** At most `maxParallelDials`. */
  readonly #runs: DialRuns
  readonly #jobs: DialJobs
  readonly #outbound = new Outbound()
  readonly #wanted: Wanted
  #unsubscribe: (() => void) | null = null

  constructor(options: DialerOptions, components: DialerComponents) {
    const { dialBurst = 20, dialsPerSecond = 2, candidateLimit = 2000 } = options
    const { clock, port, logger } = components
    this.#options = options
    const { targetPeers, chosenPeers } = options
    this.#wanted =
      chosenPeers === undefined ? wanted(targetPeers, false) : { targetPeers, chosenPeers }
    this.#components = components
    const isRelayUsed = (components.relayedDial ?? null) !== null
    this.#table = new CandidateTable({
      limit: candidateLimit,
      ownPeerId: port.peerId,
      isRelayUsed,
      networkOf: port.networkOf,
    })
    this.#bucket = new TokenBucket({ capacity: dialBurst, refillPerSecond: dialsPerSecond, clock })
    this.#runs = new DialRuns({ logger, onEnded: () => this.#loop.wake() })
    this.#jobs = new DialJobs({
      ...components,
      table: this.#table,
      outbound: this.#outbound,
      propose: (candidate) => this.propose(candidate),
    })
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
    this.#runs.start()
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
    this.#runs.abort()
    await this.#loop.stop()
    await this.#runs.settled()
    this.#outbound.clear()
    this.#components.seeds.reset()
  }

  get candidateCount(): number {
    return this.#table.size
  }

  get dialsInProgress(): number {
    return this.#runs.size
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

  /**
   * Dials a peer that another part needs now, however many are connected; that part bounds how often.
   * @throws what `classifyDialError` can sort
   */
  async reach(candidate: Candidate, signal: AbortSignal): Promise<Reached> {
    return await this.#jobs.once(candidate, AbortSignal.any([signal, this.#runs.signal]))
  }

  /** A peer was dialled on purpose: should it be no station of this network, it is let go. */
  keep(peerId: string): void {
    this.#outbound.keep(peerId)
  }

  /** Whether a peer is connected because this node chose to dial it. */
  isChosen(peerId: string): boolean {
    return this.#outbound.isChosen(peerId)
  }

  /** True when fewer peers are connected than wanted: sources look harder then. */
  get isBelowTarget(): boolean {
    return this.#missing(this.#components.port.peers()) > 0
  }

  /** One look at what is wanted; starts dials and returns at once. Called by the loop. */
  step(): void {
    if (this.#runs.signal.aborted) return
    const { port, clock, seeds } = this.#components
    const nowMs = clock.now()
    const peers = port.peers()
    for (const peerId of this.#outbound.takeStrangers(peers)) this.#dropStranger(peerId, nowMs)
    for (const { peerId, isStation } of peers) if (isStation) seeds.noteStation(peerId)
    this.#dialSeeds(nowMs)
    this.#dialCandidates(peers, nowMs)
  }

  #dialSeeds(nowMs: number): void {
    const { seeds } = this.#components
    for (const seed of seeds.due(nowMs, this.#outbound.isIsolated)) {
      if (this.#runs.size >= this.#options.maxParallelDials) return
      this.#runs.begin(seed, (signal) => this.#jobs.seed(seed, signal))
    }
  }

  #dialCandidates(peers: readonly OpenPeer[], nowMs: number): void {
    const { maxParallelDials } = this.#options
    const { port } = this.#components
    const slots = Math.max(1, maxParallelDials - SEED_SLOTS) - this.#runs.size
    const count = Math.min(this.#missing(peers) - this.#runs.size, slots)
    if (count <= 0 || !this.#bucket.has()) return
    const chosen = chooseCandidates({
      entries: this.#table.values(),
      connectedPeerIds: new Set(peers.map((peer) => peer.peerId)),
      connectedSubnets: peers.map(({ address }) => port.networkOf(address).subnet),
      hasRoom: (entry) => this.#components.attempts.hasRoom(entry),
      isFull: (network, dialled) => this.#outbound.isFull(network, dialled),
      count,
      isIsolated: this.#outbound.isIsolated,
      nowMs,
      random: this.#components.random,
      isRelayWorthwhile: (entry) => this.#components.relayedDial?.isWorthwhile(entry) ?? false,
    })
    let relayedBegun = 0
    for (const entry of chosen) {
      // Whether a second one may begin is known once the first has.
      if (isRelayedOnly(entry) && relayedBegun++ > 0) continue
      if (!this.#bucket.tryTake()) return
      this.#runs.begin(entry, (signal) => this.#jobs.candidate(entry, signal))
    }
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
    const stations = peers.filter((peer) => peer.isStation !== false)
    const { networkOf } = this.#components.port
    const isChosen = (peerId: string) => this.isChosen(peerId)
    return new Crowd(stations, this.#wanted, { networkOf, isChosen }).missing
  }
}
