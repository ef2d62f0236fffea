import { isLately } from '../../lib/clock.ts'
import { escapeRemote } from '../../lib/text.ts'
import type { Logger } from '../../telemetry/index.ts'
import {
  afterDisconnect,
  afterFailure,
  afterRefusal,
  afterSuccess,
  FRESH,
  isDue,
  type Retry,
  SEED_POLICY,
} from '../dialer/retry.ts'
import type { SeedState, SeedStatus } from '../types.ts'
import { pinnedPeerId, type SeedValue, seedMultiaddr } from './seed-value.ts'

/** A seed that stays away is said again this often. */
const REMINDER_MS = 60 * 60 * 1000

/** One seed and how it fares. Only `Seeds` changes it. */
export interface Seed {
  readonly input: string
  readonly multiaddr: string
  readonly pinnedPeerId: string | null
  state: SeedState
  /** Who answered last. */
  peerId: string | null
  lastError: string | null
  retry: Retry
  isDialing: boolean
  /** Who answered without being a station of this network, null when nobody did. */
  strangerPeerId: string | null
  /** That one is connected again, and has not shown yet whether it is one now. */
  isProving: boolean
  /** When its absence was last logged, null while there is nothing to say. */
  saidAtMs: number | null
}

export interface SeedsOptions {
  readonly values: readonly SeedValue[]
  readonly defaultPort: number
}

export interface SeedsComponents {
  readonly logger: Logger
  readonly ownPeerId: string
  readonly random: () => number
}

/**
 * The operator's seeds: never evicted, retried for ever. Logs a line when the state of one changes and
 * at most hourly while it stays away; it dials nothing itself.
 */
export class Seeds {
  readonly #seeds: readonly Seed[]
  readonly #components: SeedsComponents

  constructor(options: SeedsOptions, components: SeedsComponents) {
    this.#components = components
    this.#seeds = options.values.map((value) => {
      const pinned = pinnedPeerId(value)
      return {
        input: value.input,
        multiaddr: seedMultiaddr(value, options.defaultPort),
        pinnedPeerId: pinned,
        state: 'waiting',
        peerId: pinned,
        lastError: null,
        retry: FRESH,
        isDialing: false,
        strangerPeerId: null,
        isProving: false,
        saidAtMs: null,
      }
    })
  }

  statuses(): SeedStatus[] {
    return this.#seeds.map(({ input, state, peerId, lastError }) => ({
      seed: input,
      state,
      peerId,
      lastError,
    }))
  }

  /** Whether a peer answers at one of the seeds: let go, it would be dialled again. */
  isSeed(peerId: string): boolean {
    return this.#seeds.some((seed) => seed.peerId === peerId && seed.state !== 'self')
  }

  /** Takes note of a peer that connected by whatever way: a pinned or known seed counts as reached. */
  noteConnected(peerId: string, nowMs: number): void {
    for (const seed of this.#seeds) {
      if (seed.peerId === peerId && seed.state !== 'self') this.reached(seed, peerId, nowMs)
    }
  }

  noteDisconnected(peerId: string, times: { connectedAtMs: number; nowMs: number }): void {
    for (const seed of this.#seeds) {
      if (seed.peerId !== peerId || !(seed.state === 'connected' || seed.isProving)) continue
      seed.isProving = false
      seed.retry = afterDisconnect(seed.retry, SEED_POLICY, times, this.#components.random)
      if (seed.state !== 'connected') continue
      seed.state = 'waiting'
      this.#components.logger.info({ seed: seed.input, peerId }, 'connection to seed lost')
    }
  }

  /** Seeds to dial now. */
  due(nowMs: number, isIsolated: boolean): Seed[] {
    return this.#seeds.filter(
      (seed) =>
        seed.state !== 'connected' &&
        !seed.isProving &&
        !seed.isDialing &&
        isDue(seed.retry, SEED_POLICY, { isIsolated, nowMs }),
    )
  }

  reached(seed: Seed, peerId: string, nowMs: number): void {
    seed.retry = afterSuccess(seed.retry, nowMs)
    if (seed.state === 'connected' && seed.peerId === peerId) return
    seed.peerId = peerId
    // Who was a stranger the last time has to prove itself first.
    seed.isProving = seed.strangerPeerId === peerId
    if (!seed.isProving) this.#counts(seed)
  }

  /** A connected peer is a station of this network after all. */
  noteStation(peerId: string): void {
    for (const seed of this.#seeds) {
      if (seed.strangerPeerId !== peerId) continue
      seed.strangerPeerId = null
      seed.isProving = false
      this.#counts(seed)
    }
  }

  /** Nobody answered, or nothing resolved: again after a growing delay. */
  unreachable(seed: Seed, reason: string, nowMs: number): void {
    seed.retry = afterFailure(seed.retry, SEED_POLICY, nowMs, this.#components.random)
    seed.lastError = escapeRemote(reason)
    seed.state = 'waiting'
    if (seed.saidAtMs !== null && isLately(seed.saidAtMs, REMINDER_MS, nowMs)) return
    seed.saidAtMs = nowMs
    this.#components.logger.warn(
      { seed: seed.input, reason: seed.lastError, failures: seed.retry.failures },
      'seed cannot be reached, retrying',
    )
  }

  /** Somebody else answered: said once, and not tried again soon. */
  refused(seed: Seed, reason: string, nowMs: number): void {
    seed.retry = afterRefusal(seed.retry, nowMs, this.#components.random)
    const isNews = seed.state !== 'refused'
    seed.state = 'refused'
    seed.lastError = escapeRemote(reason)
    if (isNews) this.#sayRefused(seed)
  }

  /** A seed that was reached does not show that it is of this network: said once. */
  noteStranger(peerId: string, nowMs: number): void {
    for (const seed of this.#seeds) {
      if (seed.peerId !== peerId || seed.state === 'self') continue
      seed.retry = afterFailure(seed.retry, SEED_POLICY, nowMs, this.#components.random)
      seed.state = 'refused'
      seed.lastError = 'the peer is no station of this network'
      const isNews = seed.strangerPeerId !== peerId
      seed.strangerPeerId = peerId
      seed.isProving = false
      if (isNews) this.#sayRefused(seed)
    }
  }

  /** Its addresses are our own. It is looked at again later: they may move to another machine. */
  isSelf(seed: Seed, nowMs: number): void {
    seed.retry = afterRefusal(seed.retry, nowMs, this.#components.random)
    if (seed.state === 'self') return
    seed.state = 'self'
    seed.peerId = this.#components.ownPeerId
    seed.lastError = null
    this.#components.logger.info({ seed: seed.input }, 'seed is this station itself, not dialled')
  }

  /** The state of shutdown: nothing is connected, nothing is under way. */
  reset(): void {
    for (const seed of this.#seeds) {
      seed.isDialing = false
      seed.isProving = false
      if (seed.state === 'connected') seed.state = 'waiting'
    }
  }

  #counts(seed: Seed): void {
    seed.state = 'connected'
    seed.lastError = null
    seed.saidAtMs = null
    this.#components.logger.info({ seed: seed.input, peerId: seed.peerId }, 'seed reached')
  }

  #sayRefused({ input, pinnedPeerId, lastError }: Seed): void {
    this.#components.logger.warn(
      { seed: input, expected: pinnedPeerId, reason: lastError },
      'seed refused: it is not who the setting says, or not of this network',
    )
  }
}
