import { randomInt } from 'node:crypto'

import { backoffMs } from '../../lib/backoff.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, isLately } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { Logger } from '../../telemetry/index.ts'
import { HURRY_MS, PRESUMED_AFTER_MS, PRESUMED_LATE_AFTER_MS, SETTLED_MS } from './constants.ts'
import type { ReachabilityMetrics } from './metrics.ts'
import { type Observation, ObservedHosts } from './observed.ts'
import type { DialBackResult, ReachabilityState } from './types.ts'
import { Verdict } from './verdict.ts'

const STEP_MS = 500
const LIMIT_ADDRESSES = 4

export interface ReachabilityOptions {
  /**
   * What is known beforehand: the operator announces a public address, or a test says how it is.
   * null: to be found out.
   */
  readonly fixed: 'public' | 'private' | null
}

export interface ReachabilityPort {
  /** Addresses to be tried for an IP that others see: one for each of our listeners' ports. */
  addressesAt(ip: string): readonly string[]
  /** Whether a listener has a public address of its own. */
  hasPublicListener(): boolean
  /** Connected peers of the public internet; only they can tell. */
  publicPeers(): readonly { readonly peerId: string; readonly isServer: boolean }[]
  ask(peerId: string, address: string, signal: AbortSignal): Promise<DialBackResult>
}

export interface ReachabilityComponents {
  readonly port: ReachabilityPort
  /** The state or the addresses that were reached are others than before. */
  readonly onChanged: () => void
  readonly metrics: Pick<ReachabilityMetrics, 'asked'>
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Finds out whether others can connect to this node. Peers tell where they see it come from; each such
 * address is tried by some of them at the ports it listens on. Peers of a LAN tell nothing of the kind: a
 * network that has no others needs no relay, and its state stays unknown.
 */
export class Reachability {
  readonly #options: ReachabilityOptions
  readonly #components: ReachabilityComponents
  readonly #observed = new ObservedHosts()
  readonly #verdicts = new BoundedMap<string, Verdict>({ limit: LIMIT_ADDRESSES })
  readonly #loop: Loop
  #publicSinceMs: number | null = null
  #hasVisitor = false
  #nextAtMs = 0
  #askedAtMs = Number.NEGATIVE_INFINITY
  /** Servers in a row that had no time for us. */
  #declined = 0
  #told = 'unknown false '

  constructor(options: ReachabilityOptions, components: ReachabilityComponents) {
    this.#options = options
    this.#components = components
    this.#loop = new Loop({
      name: 'reachability',
      intervalMs: STEP_MS,
      clock: components.clock,
      run: (signal) => this.step(signal),
      onError: (error) => components.logger.error({ error }, 'Reachability check failed'),
    })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#observed.clear()
    this.#verdicts.clear()
    this.#publicSinceMs = null
    this.#hasVisitor = false
  }

  get state(): ReachabilityState {
    if (this.#options.fixed !== null) return this.#options.fixed
    const all = this.#current()
    // Who has no IPv6 must get through too.
    const ip4 = all.filter(({ address }) => address.startsWith('/ip4/'))
    const states = (ip4.length > 0 ? ip4 : all).map(({ state }) => state)
    if (states.includes('public')) return 'public'
    return states.includes('private') ? 'private' : 'unknown'
  }

  /** Whether `public` was seen: by a dial-back, or where it is fixed, since a public peer connected. */
  get isProven(): boolean {
    return this.state === 'public' && (this.#options.fixed === null || this.#hasVisitor)
  }

  /** Public addresses that others were seen to reach. */
  get verified(): string[] {
    return this.#current().flatMap(({ address, state }) => (state === 'public' ? [address] : []))
  }

  /** Whether this node is reached through a relay or not at all, as far as is known. */
  get needsRelay(): boolean {
    const { fixed } = this.#options
    if (fixed !== null) return fixed === 'private'
    if (this.state === 'public' || this.#publicSinceMs === null) return false
    if (this.state === 'private') return true
    const { port, clock } = this.#components
    const afterMs = port.hasPublicListener() ? PRESUMED_LATE_AFTER_MS : PRESUMED_AFTER_MS
    return !isLately(this.#publicSinceMs, afterMs, clock.now())
  }

  /** A public peer said where it sees us. */
  noteObserved(peerId: string, observation: Observation): void {
    if (this.#options.fixed !== null || !this.#observed.note(peerId, observation)) return
    // A peer that sees us somewhere else each time does not have us ask without end.
    this.#nextAtMs = Math.min(this.#nextAtMs, this.#askedAtMs + HURRY_MS)
    if (this.#components.clock.now() >= this.#nextAtMs) this.#loop.wake()
  }

  /** A public peer connected to this node. */
  noteVisitor(): void {
    this.#hasVisitor = true
  }

  forget(peerId: string): void {
    this.#observed.forget(peerId)
  }

  /** One look: asks one peer about one address at most. Called by the loop. */
  async step(signal: AbortSignal): Promise<void> {
    if (this.#options.fixed !== null) return
    const { port, clock } = this.#components
    const peers = port.publicPeers()
    if (peers.length === 0) this.#publicSinceMs = null
    else this.#publicSinceMs ??= clock.now()
    this.#tell()
    // A clock that was set back would have it wait for as long.
    if (clock.now() < this.#nextAtMs - 2 * SETTLED_MS) this.#nextAtMs = 0
    if (clock.now() >= this.#nextAtMs) await this.#askSomebody(peers, signal)
    this.#tell()
  }

  async #askSomebody(
    peers: ReturnType<ReachabilityPort['publicPeers']>,
    signal: AbortSignal,
  ): Promise<void> {
    const { port, metrics, clock } = this.#components
    const servers = new Set(peers.filter(({ isServer }) => isServer).map(({ peerId }) => peerId))
    const questions = this.#observed.best().flatMap((ip) => {
      const able = this.#observed.witnesses(ip).filter((peerId) => servers.has(peerId))
      return able.length === 0 ? [] : port.addressesAt(ip).map((address) => ({ address, able }))
    })
    const open = questions.filter(({ address }) => this.#isOpen(address))
    const question = oneOf(open.length > 0 ? open : questions)
    if (question === undefined) {
      this.#nextAtMs = clock.now() + HURRY_MS
      return
    }
    const verdict = this.#verdicts.get(question.address) ?? new Verdict()
    this.#verdicts.set(question.address, verdict)
    const unheard = question.able.filter((server) => !verdict.hasHeard(server))
    const peerId = oneOf(unheard.length > 0 ? unheard : question.able)
    if (peerId === undefined) return
    this.#askedAtMs = clock.now()
    const result = await port.ask(peerId, question.address, signal)
    metrics.asked(result)
    verdict.note(result, peerId, question.able.length === 1)
    this.#declined = result === 'declined' ? this.#declined + 1 : 0
    const isSettled = questions.every(({ address }) => !this.#isOpen(address))
    this.#nextAtMs =
      clock.now() +
      backoffMs({
        attempt: this.#declined,
        minMs: isSettled ? SETTLED_MS : HURRY_MS,
        maxMs: SETTLED_MS,
        random: this.#components.random,
      })
  }

  #isOpen(address: string): boolean {
    return this.#verdicts.peek(address)?.isOpen ?? true
  }

  #stateOf(address: string): ReachabilityState {
    return this.#verdicts.peek(address)?.state ?? 'unknown'
  }

  /** Addresses that still are ours: with another NAT, or another IP of it, old verdicts say nothing. */
  #current(): { readonly address: string; readonly state: ReachabilityState }[] {
    return this.#observed
      .best()
      .flatMap((ip) => this.#components.port.addressesAt(ip))
      .map((address) => ({ address, state: this.#stateOf(address) }))
  }

  #tell(): void {
    const { state, verified, needsRelay } = this
    const told = `${state} ${needsRelay} ${verified.join(' ')}`
    if (told === this.#told) return
    this.#told = told
    this.#components.logger.info({ state, verified, needsRelay }, 'Reachability')
    this.#components.onChanged()
  }
}

function oneOf<T>(all: readonly T[]): T | undefined {
  return all[all.length > 1 ? randomInt(all.length) : 0]
}
