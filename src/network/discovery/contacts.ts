import { BoundedMap } from '../../lib/bounded-map.ts'
import { isLately } from '../../lib/clock.ts'
import { subnetOf } from '../dialer/dial-address.ts'
import type { PassablePeer } from './peer-selection.ts'

const LIMIT_LEFT = 512
const LIMIT_KNOWN = 2048
/** Of thousands of stations, so many are looked at for one reply: some oldest, the rest by chance. */
const LIMIT_OLDEST = 64
const LIMIT_SAMPLED = 192

export interface ContactsOptions {
  /** A station that left is still passed on for so long. @default 10 min */
  readonly leftForMs?: number
  /** A signed record counts as a sign of life for so long. @default 30 min */
  readonly knownForMs?: number
}

export interface ContactsComponents {
  readonly now: () => number
  readonly random: () => number
}

/** A station as it was identified. */
export interface ConnectedStation {
  readonly peerId: string
  readonly address: string
  readonly connectedAtMs: number
}

interface KnownRecord {
  readonly seq: bigint
  readonly receivedAtMs: number
}

/**
 * Who is there: connected stations, those that left a moment ago, and those that others vouch for.
 * Kept event by event, since with thousands of connections nothing may look at all of them often.
 */
export class Contacts {
  readonly #leftForMs: number
  readonly #knownForMs: number
  readonly #components: ContactsComponents
  /** In the order in which they were identified; as large as the connection table. */
  readonly #connected = new Map<string, PassablePeer>()
  readonly #left = new BoundedMap<string, PassablePeer & { readonly leftAtMs: number }>({
    limit: LIMIT_LEFT,
  })
  readonly #known = new BoundedMap<string, KnownRecord>({ limit: LIMIT_KNOWN })

  constructor(options: ContactsOptions, components: ContactsComponents) {
    this.#leftForMs = options.leftForMs ?? 10 * 60 * 1000
    this.#knownForMs = options.knownForMs ?? 30 * 60 * 1000
    this.#components = components
  }

  /** A connected peer turned out to be a station of this network. */
  noteStation(station: ConnectedStation): void {
    if (this.#connected.has(station.peerId)) return
    this.#connected.set(station.peerId, { ...station, subnet: subnetOf(station.address) })
    this.#left.delete(station.peerId)
  }

  /** The last connection of a peer closed. */
  noteLeft(peerId: string): void {
    const station = this.#connected.get(peerId)
    if (station === undefined) return
    this.#connected.delete(peerId)
    this.#left.set(peerId, { ...station, leftAtMs: this.#components.now() })
  }

  /** @returns false for a record older than one that was received before. */
  noteRecord(peerId: string, seq: bigint): boolean {
    const known = this.#known.peek(peerId)
    if (known !== undefined && seq < known.seq) return false
    this.#known.set(peerId, { seq, receivedAtMs: this.#components.now() })
    return true
  }

  /** Stations that are, or within the last minutes were, connected to us; a sample when they are many. */
  passable(): PassablePeer[] {
    const nowMs = this.#components.now()
    const left = [...this.#left.values()].filter(({ leftAtMs }) =>
      isLately(leftAtMs, this.#leftForMs, nowMs),
    )
    const connected = [...this.#connected.values()]
    if (connected.length <= LIMIT_OLDEST + LIMIT_SAMPLED) return [...connected, ...left]
    const sampled = new Set(connected.slice(0, LIMIT_OLDEST))
    for (let i = 0; i < LIMIT_SAMPLED; i++) {
      const one = connected[Math.floor(this.#components.random() * connected.length)]
      if (one !== undefined) sampled.add(one)
    }
    return [...sampled, ...left]
  }

  /** Whether `knownStations()` would name so many; stops counting there. */
  knowsAtLeast(count: number): boolean {
    let missing = count - this.#connected.size
    const nowMs = this.#components.now()
    for (const [peerId, record] of this.#known.entries()) {
      if (missing <= 0) break
      if (this.#isKnown(record, nowMs) && !this.#connected.has(peerId)) missing--
    }
    return missing <= 0
  }

  /** Live stations, connected or certified lately, as peer IDs. */
  knownStations(): string[] {
    const nowMs = this.#components.now()
    const ids = new Set(this.#connected.keys())
    for (const [peerId, record] of this.#known.entries()) {
      if (this.#isKnown(record, nowMs)) ids.add(peerId)
    }
    return [...ids]
  }

  #isKnown({ receivedAtMs }: KnownRecord, nowMs: number): boolean {
    return isLately(receivedAtMs, this.#knownForMs, nowMs)
  }
}
