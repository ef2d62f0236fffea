import { backoffMs } from '../../lib/backoff.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { DeadlineError } from '../../lib/deadline.ts'
import type { RegistryTransport } from '../../network/types.ts'
import type { RegistryMetrics } from '../metrics.ts'
import { FramingError } from './framing.ts'

/** What no honest peer does, however slow it is. */
export type Offence =
  | 'broken_rule'
  | 'broken_framing'
  | 'endless'
  | 'unresolvable'
  | 'stalled'
  | 'flood'

/**
 * Of the 100 points at which the network shuns a peer. An honest peer judges what it passes on by the
 * same rules and keeps the same limits, so those cost most. A damaged disk makes heads unresolvable
 * and a frozen machine makes streams stall: at the rate that exchanges have, neither adds up to 100.
 */
const POINTS: Readonly<Record<Offence, number>> = {
  broken_rule: 20,
  broken_framing: 25,
  endless: 50,
  unresolvable: 5,
  stalled: 3,
  flood: 2,
}

/** `proven`: its last exchange ended well. `stalled`: its last one ran out of time, or took long for little. */
export type PeerRank = 'proven' | 'unknown' | 'stalled'

const PEERS_LIMIT = 1024
const STALL_MIN_MS = 5000
const STALL_MAX_MS = 300_000
const STALLS_EXCUSED = 3
/** With what `backoffMs` adds at random. */
const LONGEST_WAIT_MS = 1.5 * STALL_MAX_MS

interface Dealings {
  stalls: number
  isProven: boolean
  notBeforeMs: number
}

export interface PeerConductComponents {
  readonly transport: Pick<RegistryTransport, 'report' | 'penaltyOf'>
  readonly metrics: Pick<RegistryMetrics, 'penalty'>
  readonly clock: Pick<Clock, 'now'>
}

/**
 * How peers behave in exchanges: who answers, who lets us wait, and who breaks rules. The first two
 * decide whose turn it is; only the last is told to the network, which ends the connection.
 */
export class PeerConduct {
  readonly #components: PeerConductComponents
  readonly #records = new BoundedMap<string, Dealings>({ limit: PEERS_LIMIT })

  constructor(components: PeerConductComponents) {
    this.#components = components
  }

  /** Counts an offence and tells the network. */
  offend(peerId: string, offence: Offence): void {
    this.#components.metrics.penalty(offence)
    this.#components.transport.report(peerId, offence, POINTS[offence])
  }

  /** The peer's points, of the 100 at which it is shunned. */
  penaltyOf(peerId: string): number {
    return this.#components.transport.penaltyOf(peerId)
  }

  /** A whole exchange with the peer ended well. */
  answered(peerId: string): void {
    this.#records.set(peerId, { stalls: 0, isProven: true, notBeforeMs: 0 })
  }

  /**
   * An exchange that we began ran out of time: the peer goes last from now on, and waits a while, longer
   * each time. Being slow is no offence; the fourth time in a row is noted as one of few points.
   */
  keptWaiting(peerId: string): void {
    const stalls = this.#records.peek(peerId)?.stalls ?? 0
    const waitMs = backoffMs({ attempt: stalls, minMs: STALL_MIN_MS, maxMs: STALL_MAX_MS })
    const notBeforeMs = this.#components.clock.now() + waitMs
    this.#records.set(peerId, { stalls: stalls + 1, isProven: false, notBeforeMs })
    if (stalls >= STALLS_EXCUSED) this.offend(peerId, 'stalled')
  }

  /**
   * An exchange that we began took long for what it brought: the peer goes last from now on. That is no offence,
   * however often: a slow line gets on all the same, after those that are faster.
   */
  wasSlow(peerId: string): void {
    const { stalls = 0, notBeforeMs = 0 } = this.#records.peek(peerId) ?? {}
    const soonestMs = this.#components.clock.now() + STALL_MIN_MS
    const laterMs = Math.max(notBeforeMs, soonestMs)
    this.#records.set(peerId, { stalls, isProven: false, notBeforeMs: laterMs })
  }

  /** An exchange of ours failed; a reset, a refusal or a lost connection says nothing of the peer. */
  failed(peerId: string, error: unknown): void {
    if (error instanceof DeadlineError) this.keptWaiting(peerId)
    this.failedToUs(peerId, error)
  }

  /** An exchange that the peer began failed: whom it let wait is itself. */
  failedToUs(peerId: string, error: unknown): void {
    const offence = offenceOf(error)
    if (offence !== null) this.offend(peerId, offence)
  }

  rankOf(peerId: string): PeerRank {
    const record = this.#records.peek(peerId)
    if (record === undefined) return 'unknown'
    return record.isProven ? 'proven' : 'stalled'
  }

  /** Wall clock before which no exchange is begun with the peer. */
  notBeforeMs(peerId: string): number {
    const notBeforeMs = this.#records.peek(peerId)?.notBeforeMs ?? 0
    // Further off than any wait: the clock was set back since.
    const isOfAnotherClock = notBeforeMs > this.#components.clock.now() + LONGEST_WAIT_MS
    return isOfAnotherClock ? 0 : notBeforeMs
  }
}

/**
 * Entries that a transfer must have brought for its length to be a long log's. Sketches are of 2 048 buckets:
 * who lacks one entry in each of a log of 400 000 is sent all of it, and 20 000 blocks bring a hundred.
 */
const LONG_LOG_ENTRIES = 100

/** What exchanges with a peer brought that was not here, whoever else brought something meanwhile. */
export interface Gains {
  readonly entries: number
  readonly bytes: number
}

/** What is shorter holds a place from nobody. */
const SHORT_MS = 10_000
/** In a minute, the one or the other: 9 kbit/s bring as much. */
const LEAST_GAINS: Gains = { entries: 100, bytes: 64 * 1024 }

/** Whether exchanges that took so long held their place for too little. */
export function isSlow({ entries, bytes }: Gains, tookMs: number): boolean {
  const minutes = tookMs / 60_000
  const isLittle = entries < LEAST_GAINS.entries * minutes && bytes < LEAST_GAINS.bytes * minutes
  return tookMs >= SHORT_MS && isLittle
}

/**
 * Whether a transfer that failed was cut short by its own bounds, and is to go on: time ran out while
 * entries came, or the log is longer than one transfer. Such a peer did nothing wrong.
 * @param gained entries that it brought.
 */
export function isCutShort(error: unknown, gained: number): boolean {
  if (error instanceof DeadlineError) return gained > 0
  return isTooMuch(error) && gained >= LONG_LOG_ENTRIES
}

/** Whether a transfer ended because more items or bytes came than one may have. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof FramingError && error.code === 'TOO_MUCH'
}

/** Half an item may be the end of a connection, and is no offence. */
function offenceOf(error: unknown): Offence | null {
  if (!(error instanceof FramingError) || error.code === 'TRUNCATED') return null
  return error.code === 'TOO_MUCH' ? 'endless' : 'broken_framing'
}
