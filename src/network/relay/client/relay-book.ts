import { backoffMs } from '../../../lib/backoff.ts'
import { BoundedMap } from '../../../lib/bounded-map.ts'
import { isLately } from '../../../lib/clock.ts'
import { subnetOf } from '../../dialer/dial-address.ts'
import {
  FULL_MAX_MS,
  FULL_MIN_MS,
  HELD_LATELY_MS,
  HELD_RETRY_MAX_MS,
  LIMIT_CONNECTED,
  LIMIT_KNOWN,
  REFUSED_MAX_MS,
  REFUSED_MIN_MS,
  RETRY_MAX_MS,
  RETRY_MIN_MS,
} from './constants.ts'
import type { ReserveFailure } from './reserve.ts'

/** A relay that a node record tells of. */
export interface KnownRelay {
  readonly peerId: string
  /** Direct multiaddrs, with or without its `/p2p`. */
  readonly addresses: readonly string[]
  /** Share of its places that are taken, 0..1; null where the record does not say. */
  readonly load: number | null
}

export interface RelayCandidate extends KnownRelay {
  readonly isConnected: boolean
}

interface Trials {
  readonly failures: number
  readonly triedAtMs: number
  /** It is left alone for so long from then on. */
  readonly waitMs: number
  readonly heldAtMs: number | null
  /** The last failure was its own word. */
  readonly isRefusal: boolean
}

/** A load is rounded to this before it decides: records are hours old. */
const LOAD_STEP = 0.25
const UNKNOWN_LOAD = 0.5
/** Nobody would notice less of a difference. */
const RTT_STEP_MS = 50
const UNKNOWN_RTT_MS = 100
const NO_PLACE: ReadonlySet<string> = new Set(['refused', 'full'])
const SAID_NO: ReadonlySet<string> = new Set(['denied', 'rejected'])

export interface RelayBookComponents {
  readonly random: () => number
  /** Round trip to a connected relay, ms; null where it is not known. */
  readonly rttOf: (peerId: string) => number | null
}

/**
 * Peers that may be asked to relay: those connected that speak the protocol, and those that records name.
 * Each kind has its own places, so that a thousand made-up records push out no relay that is there.
 */
export class RelayBook {
  readonly #components: RelayBookComponents
  readonly #connected = new BoundedMap<string, string>({ limit: LIMIT_CONNECTED })
  readonly #known = new BoundedMap<string, KnownRelay>({ limit: LIMIT_KNOWN })
  readonly #trials = new BoundedMap<string, Trials>({ limit: LIMIT_KNOWN + LIMIT_CONNECTED })

  constructor(components: RelayBookComponents) {
    this.#components = components
  }

  get size(): number {
    return this.#connected.size + this.#known.size
  }

  /** A peer that speaks the hop protocol is connected directly. @param address its remote address */
  noteConnected(peerId: string, address: string): void {
    this.#connected.set(peerId, address)
    const trials = this.#trials.peek(peerId)
    // It is there again, whatever was before; what it refused stays refused.
    if (trials === undefined || trials.isRefusal) return
    this.#trials.set(peerId, { ...trials, failures: 0, waitMs: 0 })
  }

  noteGone(peerId: string): void {
    this.#connected.delete(peerId)
  }

  noteRecord(relay: KnownRelay): void {
    this.#known.set(relay.peerId, relay)
  }

  noteHeld(peerId: string, nowMs: number): void {
    const fresh = { failures: 0, waitMs: 0, isRefusal: false }
    this.#trials.set(peerId, { ...fresh, triedAtMs: nowMs, heldAtMs: nowMs })
  }

  noteFailure(peerId: string, failure: ReserveFailure, nowMs: number): void {
    const { failures = 0, heldAtMs = null } = this.#trials.peek(peerId) ?? {}
    const wasHeldLately = heldAtMs !== null && nowMs - heldAtMs < HELD_LATELY_MS
    const limits = limitsOf(failure, wasHeldLately)
    const waitMs = backoffMs({ attempt: failures, ...limits, random: this.#components.random })
    const isRefusal = NO_PLACE.has(failure) || SAID_NO.has(failure)
    const tried = { failures: failures + 1, triedAtMs: nowMs, waitMs }
    this.#trials.set(peerId, { ...tried, heldAtMs, isRefusal })
  }

  /**
   * Who may be asked now, best first: in a subnet where no held relay is, connected, held before, with
   * places free, near; the rest by chance, so that stations spread over relays.
   * @param taken relays that are held or being asked, with their addresses
   */
  choose(taken: ReadonlyMap<string, string>, nowMs: number): RelayCandidate[] {
    const subnets = new Set([...taken.values()].map(subnetOf))
    const all = [...this.#connected.keys(), ...this.#known.keys()]
    return [...new Set(all)]
      .filter((peerId) => !taken.has(peerId) && this.#isDue(peerId, nowMs))
      .map((peerId) => this.#candidate(peerId))
      .map((candidate) => ({ candidate, cost: this.#cost(candidate, subnets) }))
      .sort((a, b) => a.cost - b.cost)
      .map(({ candidate }) => candidate)
  }

  clear(): void {
    this.#connected.clear()
    this.#known.clear()
    this.#trials.clear()
  }

  #candidate(peerId: string): RelayCandidate {
    const address = this.#connected.peek(peerId)
    const known = this.#known.peek(peerId)
    return {
      peerId,
      addresses: address === undefined ? (known?.addresses ?? []) : [address],
      load: known?.load ?? null,
      isConnected: address !== undefined,
    }
  }

  /** Digits of one number: a better subnet outweighs all that follows, and so on. */
  #cost(candidate: RelayCandidate, subnets: ReadonlySet<string>): number {
    const subnet = subnetOf(candidate.addresses[0] ?? '')
    const load = Math.floor((candidate.load ?? UNKNOWN_LOAD) / LOAD_STEP)
    const trials = this.#trials.peek(candidate.peerId)
    const rttMs = this.#components.rttOf(candidate.peerId) ?? UNKNOWN_RTT_MS
    return (
      (subnets.has(subnet) ? 10_000 : 0) +
      (candidate.isConnected ? 0 : 1000) +
      (trials !== undefined && trials.heldAtMs !== null ? 0 : 500) +
      Math.min(4, load) * 100 +
      Math.min(9, Math.floor(rttMs / RTT_STEP_MS)) * 10 +
      Math.min(8, trials?.failures ?? 0) +
      this.#components.random()
    )
  }

  #isDue(peerId: string, nowMs: number): boolean {
    const trials = this.#trials.peek(peerId)
    return trials === undefined || !isLately(trials.triedAtMs, trials.waitMs, nowMs)
  }
}

/** How long a relay is left alone after a failure, at first and at last. */
function limitsOf(
  failure: ReserveFailure,
  wasHeldLately: boolean,
): { readonly minMs: number; readonly maxMs: number } {
  if (NO_PLACE.has(failure)) return { minMs: FULL_MIN_MS, maxMs: FULL_MAX_MS }
  if (SAID_NO.has(failure)) return { minMs: REFUSED_MIN_MS, maxMs: REFUSED_MAX_MS }
  return { minMs: RETRY_MIN_MS, maxMs: wasHeldLately ? HELD_RETRY_MAX_MS : RETRY_MAX_MS }
}
