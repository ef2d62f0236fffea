import type { Stream } from '@libp2p/interface'

import { type Clock, systemClock } from '../../../lib/clock.ts'
import type { Logger } from '../../../telemetry/index.ts'
import { NetworkError } from '../../errors.ts'
import type { CircuitLeftovers, CircuitPlace, CircuitTable } from '../circuit-table.ts'
import { circuitLimits, isClientCircuit } from '../client-class.ts'
import type {
  CircuitRefusal,
  CircuitStatus,
  RelayClient,
  RelayEvents,
  RelayLimits,
} from '../types.ts'
import { Circuit } from './circuit.ts'
import { MonthlyQuota } from './monthly-quota.ts'
import { type PlaceBound, Places } from './places.ts'
import { Shaper } from './shaper.ts'

/** Hosts whose rates are remembered, for each circuit there may be. */
const HOSTS_PER_CIRCUIT = 8

export interface CircuitsOptions {
  readonly limits: RelayLimits
  /** Where the month's bytes are kept; null keeps them in memory. */
  readonly quotaPath: string | null
}

export interface CircuitsComponents {
  readonly events: Pick<RelayEvents, 'circuitOpened' | 'circuitEnded' | 'bucketWaited'>
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

/**
 * What may be on its way to all circuits at once. Were each given its most, hundreds of them could send more in
 * a moment than the process can pass on in a second, in which nothing else would be served.
 */
const ROOM_BYTES = 16_777_216
/** Enough for 1.3 Mbit/s each way at 100 ms. */
const MIN_ROOM_BYTES = 32_768

const MEMBER_REFUSALS: Record<PlaceBound, CircuitRefusal> = {
  total: 'circuits_total',
  source: 'circuits_source',
  destination: 'circuits_destination',
  // Members' are not bounded by host.
  host: 'circuits_source',
}
const CLIENT_REFUSALS: Record<PlaceBound, CircuitRefusal> = {
  total: 'client_circuits_total',
  source: 'client_circuits_source',
  destination: 'client_circuits_destination',
  host: 'client_circuits_host',
}

/** A place that was taken; `circuit` is null until it carries. */
interface Entry {
  readonly source: RelayClient
  readonly destination: RelayClient
  readonly free: () => void
  circuit: Circuit | null
  /** Cut before it carried. */
  cutReason: string | null
}

/**
 * The circuits of a hop: how many, how long, how much, how fast, and the month's quota. A place is freed once,
 * whatever ends its circuit.
 */
export class Circuits implements CircuitTable {
  readonly #limits: RelayLimits
  readonly #events: CircuitsComponents['events']
  readonly #clock: Clock
  readonly #places: Places
  /** Of circuits with a thin client at an end; null where they have no quota. */
  readonly #clientPlaces: Places | null
  readonly #quota: MonthlyQuota
  readonly #shaper: Shaper
  readonly #entries = new Set<Entry>()
  readonly #carried = new Set<Promise<void>>()
  #peakHeldBytes = 0
  #isStopped = false

  constructor(
    { limits, quotaPath }: CircuitsOptions,
    { events, logger, clock = systemClock }: CircuitsComponents,
  ) {
    this.#limits = limits
    this.#events = events
    this.#clock = clock
    this.#places = new Places(limits.circuits)
    this.#clientPlaces = limits.clients === undefined ? null : new Places(limits.clients.circuits)
    const { monthlyBytes } = limits
    this.#quota = new MonthlyQuota({ path: quotaPath, monthlyBytes }, { logger, clock })
    const total = limits.circuits.total + (limits.clients?.circuits.total ?? 0)
    const maxHosts = total * HOSTS_PER_CIRCUIT
    this.#shaper = new Shaper(
      { rates: limits.rates, maxHosts },
      { clock, onWaited: (bucket, ms) => events.bucketWaited(bucket, ms) },
    )
  }

  /** Reads what the month has used. Never throws for a damaged file. */
  async start(): Promise<void> {
    this.#isStopped = false
    await this.#quota.start()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.cutAll('stopped')
    await Promise.all(this.#carried)
    this.#shaper.stop()
    await this.#quota.stop()
  }

  /** Bytes passed on in this calendar month (UTC), both directions. */
  get monthBytes(): number {
    return this.#quota.usedBytes
  }

  get isUsedUp(): boolean {
    return this.#quota.remainingBytes === 0
  }

  /** Bytes that wait in all circuits. */
  get heldBytes(): number {
    let bytes = 0
    for (const { circuit } of this.#entries) bytes += circuit?.heldBytes ?? 0
    return bytes
  }

  /** The most that one circuit ever held. */
  get peakHeldBytes(): number {
    const open = [...this.#entries].map(({ circuit }) => circuit?.peakHeldBytes ?? 0)
    return Math.max(this.#peakHeldBytes, ...open)
  }

  /** Places taken, those included whose destination is still being asked. */
  get size(): number {
    return this.#places.taken + (this.#clientPlaces?.taken ?? 0)
  }

  reserve(source: RelayClient, destination: RelayClient): CircuitPlace | CircuitRefusal {
    if (this.#isStopped) return 'circuits_total'
    if (this.isUsedUp) return 'quota'
    const place = this.#take(source, destination)
    if (typeof place === 'string') return place
    const entry: Entry = { source, destination, free: place, circuit: null, cutReason: null }
    this.#entries.add(entry)
    return {
      release: () => this.#free(entry),
      carry: (from, to, leftovers = {}) => this.#track(this.#carry(entry, from, to, leftovers)),
    }
  }

  #take(source: RelayClient, destination: RelayClient): (() => void) | CircuitRefusal {
    if (!isClientCircuit({ source, destination })) {
      const place = this.#places.take(source, destination)
      return typeof place === 'string' ? MEMBER_REFUSALS[place] : place
    }
    const place = this.#clientPlaces?.take(source, destination) ?? 'total'
    return typeof place === 'string' ? CLIENT_REFUSALS[place] : place
  }

  list(): CircuitStatus[] {
    return [...this.#entries].flatMap(({ circuit }) => circuit?.status ?? [])
  }

  cut(peerId: string, reason: string, otherPeerId?: string): void {
    this.#cutWhere(reason, ({ source, destination }) => {
      if (source.peerId !== peerId && destination.peerId !== peerId) return false
      const other = source.peerId === peerId ? destination : source
      return otherPeerId === undefined || other.peerId === otherPeerId
    })
  }

  cutAll(reason: string): void {
    this.#cutWhere(reason, () => true)
  }

  #cutWhere(reason: string, isMeant: (entry: Entry) => boolean): void {
    for (const entry of [...this.#entries].filter(isMeant)) {
      entry.cutReason ??= reason
      entry.circuit?.end(reason)
    }
  }

  #free(entry: Entry): void {
    entry.free()
    this.#entries.delete(entry)
  }

  async #track(carried: Promise<void>): Promise<void> {
    this.#carried.add(carried)
    await carried
    this.#carried.delete(carried)
  }

  async #carry(entry: Entry, from: Stream, to: Stream, leftovers: CircuitLeftovers): Promise<void> {
    const { source, destination } = entry
    if (!this.#entries.has(entry)) return resetBoth(from, to)
    const limits = circuitLimits(this.#limits, isClientCircuit(entry))
    const openedAtMs = this.#clock.now()
    const circuit = new Circuit(
      from,
      to,
      { source, destination, limits, openedAtMs },
      { shaper: this.#shaper, quota: this.#meter, roomBytes: this.#roomBytes },
    )
    entry.circuit = circuit
    this.#events.circuitOpened(source, destination)
    const timer = new AbortController()
    this.#clock.sleep(limits.durationSeconds * 1000, timer.signal).then(
      () => circuit.end('duration'),
      // It ended before.
      () => {},
    )
    if (entry.cutReason === null) circuit.start(leftovers)
    else circuit.end(entry.cutReason)
    const reason = await circuit.ended
    timer.abort()
    this.#free(entry)
    this.#peakHeldBytes = Math.max(this.#peakHeldBytes, circuit.peakHeldBytes)
    this.#events.circuitEnded(circuit.status, reason)
  }

  /** What a circuit should hold at most: the more there are, the less. */
  readonly #roomBytes = (): number => {
    const share = Math.floor(ROOM_BYTES / Math.max(1, this.size))
    return Math.min(this.#limits.circuits.heldBytes, Math.max(MIN_ROOM_BYTES, share))
  }

  /** The quota as circuits see it: whoever uses it up ends them all. */
  readonly #meter = {
    remaining: (): number => this.#quota.remainingBytes,
    add: (bytes: number): void => {
      this.#quota.add(bytes)
      if (this.isUsedUp) this.cutAll('quota')
    },
  }
}

function resetBoth(...streams: readonly Stream[]): void {
  for (const stream of streams) stream.abort(new NetworkError('STREAM_RESET', 'no place is held'))
}
