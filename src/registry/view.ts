import type { Clock } from '../lib/clock.ts'
import { DATABASE_NAMES } from './records/index.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type {
  AttestationRecord,
  DatabaseName,
  RecordValue,
  RegistryRecord,
  RegistryView,
} from './types.ts'

/** The state of one key: its winning entry, tombstones included. */
interface Slot {
  readonly record: RegistryRecord | null
  readonly clockMs: number
  readonly hash: string
  /** Clock of the earliest put of this key. */
  readonly firstMs: number
}

export interface ViewOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
}

export interface ViewComponents {
  readonly clock: Clock
  lastSeenMs(peerId: string): number | null
}

type Slots = Map<string, Map<string, Slot>>

/**
 * The current records, kept up entry by entry. The outcome does not depend on the order in which
 * entries arrive, so every node that has the same entries shows the same claims.
 *
 * - Per key the entry with the latest clock wins, between equal clocks the greater hash. A delete is
 *   kept as a tombstone, so that an older put arriving later stays deleted.
 * - Among several authors' claims on one local id the claim whose first put is the earliest counts,
 *   between equals the smaller author: nobody takes over an ingester by registering it again.
 *   Clocks can be set back on purpose, so this alone is no proof of ownership; the trust policy is.
 * - A local id that is a peer ID belongs to that peer: its own claim counts before any other.
 * - A claim is listed while it was refreshed, or its author seen, within the time to live, and always
 *   when it is ours. Listed claims count before unlisted ones.
 */
export class RecordView implements RegistryView {
  readonly #options: ViewOptions
  readonly #components: ViewComponents
  /** Per database: local id -> author -> slot. Maps, because a local id may be any word. */
  #slots = emptySlots()
  /** Manifest hash -> local ids of attestations of it. */
  #attestations = new Map<string, Set<string>>()

  constructor(options: ViewOptions, components: ViewComponents) {
    this.#options = options
    this.#components = components
  }

  clear(): void {
    this.#slots = emptySlots()
    this.#attestations = new Map()
  }

  /** @returns the record when this entry made it current, null otherwise. */
  apply(database: DatabaseName, judged: JudgedEntry): RegistryRecord | null {
    const { entry, localId } = judged
    const authors = this.#authorsOf(database, localId)
    const before = authors.get(entry.key)
    const isPut = entry.payload.op === 'PUT'
    const firstMs = Math.min(
      before?.firstMs ?? Number.POSITIVE_INFINITY,
      isPut ? entry.clock.time : Number.POSITIVE_INFINITY,
    )
    if (before !== undefined && !isLater(entry.clock.time, entry.hash, before)) {
      authors.set(entry.key, { ...before, firstMs })
      return null
    }
    const record = toRecord(database, judged)
    if (record !== null && database === 'attestations') this.#noteAttestation(asKind(record))
    authors.set(entry.key, { record, clockMs: entry.clock.time, hash: entry.hash, firstMs })
    return record
  }

  list<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[] {
    const records: RegistryRecord<T>[] = []
    for (const authors of this.#slots[database].values()) {
      const best = this.#resolve([...authors.values()].filter((slot) => this.#isListed(slot)))
      if (best !== null) records.push(asKind<T>(best))
    }
    return records
  }

  get<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T> | null {
    const slots = [...(this.#slots[database].get(localId)?.values() ?? [])]
    const best = this.#resolve(slots.filter((slot) => this.#isListed(slot))) ?? this.#resolve(slots)
    return best === null ? null : asKind<T>(best)
  }

  claims<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T>[] {
    const slots = [...(this.#slots[database].get(localId)?.values() ?? [])]
    return slots.flatMap(({ record }) => (record === null ? [] : [asKind<T>(record)]))
  }

  attestationsOf(manifestHash: string): RegistryRecord<AttestationRecord>[] {
    const isOfManifest = ({ record }: Slot) =>
      record !== null && asKind<AttestationRecord>(record).value.manifest_hash === manifestHash
    const records: RegistryRecord<AttestationRecord>[] = []
    for (const localId of this.#attestations.get(manifestHash) ?? []) {
      const slots = [...(this.#slots.attestations.get(localId)?.values() ?? [])]
      const listed = slots.filter((slot) => isOfManifest(slot) && this.#isListed(slot))
      const best = this.#resolve(listed)
      if (best !== null) records.push(asKind<AttestationRecord>(best))
    }
    return records
  }

  /** The claim of one author, or null. */
  claimOf(database: DatabaseName, localId: string, author: string): RegistryRecord | null {
    return this.#slots[database].get(localId)?.get(author)?.record ?? null
  }

  /** The listed claim of another station that stands against a claim of ours, or null. */
  foreignClaim(database: DatabaseName, localId: string): RegistryRecord | null {
    const { ownPeerId } = this.#options
    const slots = [...(this.#slots[database].get(localId)?.values() ?? [])]
    return this.#resolve(
      slots.filter((slot) => slot.record?.author !== ownPeerId && this.#isListed(slot)),
    )
  }

  counts(): Record<DatabaseName, number> {
    const counts = { nodes: 0, trust: 0, stores: 0, attestations: 0 }
    for (const database of DATABASE_NAMES) {
      for (const authors of this.#slots[database].values()) {
        for (const { record } of authors.values()) if (record !== null) counts[database] += 1
      }
    }
    return counts
  }

  #noteAttestation({ localId, value }: RegistryRecord<AttestationRecord>): void {
    const ids = this.#attestations.get(value.manifest_hash) ?? new Set()
    this.#attestations.set(value.manifest_hash, ids.add(localId))
  }

  #authorsOf(database: DatabaseName, localId: string): Map<string, Slot> {
    const known = this.#slots[database].get(localId)
    if (known !== undefined) return known
    const authors = new Map<string, Slot>()
    this.#slots[database].set(localId, authors)
    return authors
  }

  #isListed(slot: Slot): boolean {
    const { record, clockMs } = slot
    if (record === null) return false
    if (record.author === this.#options.ownPeerId) return true
    const oldestMs = this.#components.clock.now() - this.#options.ttlMs
    return clockMs >= oldestMs || (this.#components.lastSeenMs(record.author) ?? 0) >= oldestMs
  }

  #resolve(slots: readonly Slot[]): RegistryRecord | null {
    let best: Slot | null = null
    for (const slot of slots) {
      if (slot.record !== null && (best === null || isEarlier(slot, best))) best = slot
    }
    return best?.record ?? null
  }
}

function isLater(clockMs: number, hash: string, than: Slot): boolean {
  return clockMs === than.clockMs ? hash > than.hash : clockMs > than.clockMs
}

function isEarlier(slot: Slot, than: Slot): boolean {
  const isNamesake = ownsItsName(slot.record)
  if (isNamesake !== ownsItsName(than.record)) return isNamesake
  if (slot.firstMs !== than.firstMs) return slot.firstMs < than.firstMs
  return (slot.record?.author ?? '') < (than.record?.author ?? '')
}

/** True for a record that a peer wrote under its own peer ID. */
export function ownsItsName(record: RegistryRecord | null): boolean {
  return record !== null && record.localId === record.author
}

function toRecord(database: DatabaseName, judged: JudgedEntry): RegistryRecord | null {
  const { entry, localId } = judged
  const { key, value } = entry.payload
  if (value === null) return null
  const { key: author, hash: entryHash } = entry
  return { database, key, author, localId, value, clockMs: entry.clock.time, entryHash }
}

/** The database decides the kind of its records; the caller names both. */
function asKind<T extends RecordValue>(record: RegistryRecord): RegistryRecord<T> {
  return record as RegistryRecord<T>
}

function emptySlots(): Record<DatabaseName, Slots> {
  return { nodes: new Map(), trust: new Map(), stores: new Map(), attestations: new Map() }
}
