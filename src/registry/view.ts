import type { Clock } from '../lib/clock.ts'
import { AttestationIndex } from './attestation-index.ts'
import { type Claim, Claims, firstSince, isHeldSince } from './claims.ts'
import { DATABASE_NAMES } from './records/index.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type {
  AttestationRecord,
  DatabaseName,
  RecordValue,
  RegistryRecord,
  RegistryView,
} from './types.ts'

export interface ViewOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
}

export interface ViewComponents {
  readonly clock: Clock
  lastSeenMs(peerId: string): number | null
}

/**
 * The current records of all open epochs, kept up entry by entry. The outcome does not depend on the
 * order in which entries arrive, so every node that has the same entries shows the same claims.
 *
 * - Per key the entry with the latest clock wins, see claims.ts. A delete is kept as a tombstone while
 *   its epoch is open, so that an older put arriving later stays deleted.
 * - What only the log of an epoch says is gone when that epoch is closed.
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
  #claims = noClaims()
  readonly #attestations = new AttestationIndex()
  /** Local ids that we have a claim on. */
  #own = noIds()
  readonly #revisions = { nodes: 0, trust: 0, stores: 0, attestations: 0 }

  constructor(options: ViewOptions, components: ViewComponents) {
    this.#options = options
    this.#components = components
  }

  clear(): void {
    for (const database of DATABASE_NAMES) this.#revisions[database] += 1
    this.#claims = noClaims()
    this.#attestations.reset()
    this.#own = noIds()
  }

  /** @returns the record when this entry made it current, null otherwise. */
  apply(database: DatabaseName, judged: JudgedEntry, epoch = 0): RegistryRecord | null {
    const { current, isChanged } = this.#claims[database].apply(judged, epoch)
    if (judged.entry.key === this.#options.ownPeerId) this.#own[database].add(judged.localId)
    if (isChanged) this.#revisions[database] += 1
    if (current !== null && database === 'attestations') this.#attestations.note(asKind(current))
    return current
  }

  /** Takes the logs of an epoch out of the view, without holding up anything else. */
  async closeEpoch(epoch: number): Promise<void> {
    for (const database of DATABASE_NAMES) {
      const claims = this.#claims[database]
      if (!(await claims.closeEpoch(epoch))) continue
      this.#revisions[database] += 1
      for (const localId of this.#own[database]) {
        if (claims.by(localId, this.#options.ownPeerId) === null)
          this.#own[database].delete(localId)
      }
      if (database === 'attestations') this.#attestations.reset(this.allClaims(database))
    }
  }

  list<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[] {
    const records: RegistryRecord<T>[] = []
    for (const claims of this.#claims[database].groups()) {
      const best = resolve(claims.filter((claim) => this.#isListed(claim)))
      if (best !== null) records.push(asKind<T>(best))
    }
    return records
  }

  get<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T> | null {
    const claims = this.#claims[database].of(localId)
    const best = resolve(claims.filter((claim) => this.#isListed(claim))) ?? resolve(claims)
    return best === null ? null : asKind<T>(best)
  }

  claims<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T>[] {
    return recordsOf<T>(this.#claims[database].of(localId))
  }

  ownerOf(database: DatabaseName, localId: string): string | null {
    return resolve(this.#claims[database].of(localId))?.author ?? null
  }

  allClaims<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[] {
    return recordsOf<T>(this.#claims[database].all())
  }

  revision(database: DatabaseName): number {
    return this.#revisions[database]
  }

  attestationsOf(manifestHash: string): RegistryRecord<AttestationRecord>[] {
    const isOfManifest = ({ record }: Claim) =>
      record !== null && asKind<AttestationRecord>(record).value.manifest_hash === manifestHash
    const records: RegistryRecord<AttestationRecord>[] = []
    for (const localId of this.#attestations.of(manifestHash)) {
      const claims = this.#claims.attestations.of(localId)
      const best = resolve(claims.filter((claim) => isOfManifest(claim) && this.#isListed(claim)))
      if (best !== null) records.push(asKind<AttestationRecord>(best))
    }
    return records
  }

  /** The claim of one author, or null. */
  claimOf(database: DatabaseName, localId: string, author: string): RegistryRecord | null {
    return this.#claims[database].by(localId, author)?.record ?? null
  }

  /** Whether the log of this epoch, or of a later one, has entries of the author's key. */
  isHeldSince(epoch: number, database: DatabaseName, localId: string, author: string): boolean {
    const claim = this.#claims[database].by(localId, author)
    return claim !== null && isHeldSince(claim, epoch)
  }

  /** Our own current records that only logs before this epoch have. */
  ownBefore(epoch: number, database: DatabaseName): RegistryRecord[] {
    const claims = [...this.#own[database]].map((localId) =>
      this.#claims[database].by(localId, this.#options.ownPeerId),
    )
    return recordsBefore(epoch, claims)
  }

  /**
   * Our own records that another station claims too, whose first put is in a log before this epoch:
   * without that log the other claim may be the earlier one.
   */
  ownOvertaken(
    epoch: number,
    database: DatabaseName,
  ): { record: RegistryRecord; firstMs: number }[] {
    const { ownPeerId } = this.#options
    return [...this.#own[database]].flatMap((localId) => {
      const claims = this.#claims[database].of(localId)
      const own = claims.find(({ record }) => record?.author === ownPeerId)
      if (own === undefined || own.record === null || claims.length === 1) return []
      const isLater = isHeldSince(own, epoch) && firstSince(own, epoch) > own.firstMs
      const isContested = claims.some(({ record }) => record !== null && record !== own.record)
      return isLater && isContested ? [{ record: own.record, firstMs: own.firstMs }] : []
    })
  }

  /** Current records of other authors that only logs before this epoch have. */
  *foreignBefore(epoch: number, database: DatabaseName): Generator<RegistryRecord> {
    for (const claim of this.#claims[database].all()) {
      if (claim.record?.author === this.#options.ownPeerId) continue
      yield* recordsBefore(epoch, [claim])
    }
  }

  /** The listed claim of another station that stands against a claim of ours, or null. */
  foreignClaim(database: DatabaseName, localId: string): RegistryRecord | null {
    const { ownPeerId } = this.#options
    const claims = this.#claims[database].of(localId)
    return resolve(
      claims.filter((claim) => claim.record?.author !== ownPeerId && this.#isListed(claim)),
    )
  }

  counts(): Record<DatabaseName, number> {
    const counts = { nodes: 0, trust: 0, stores: 0, attestations: 0 }
    for (const database of DATABASE_NAMES) {
      for (const { record } of this.#claims[database].all()) {
        if (record !== null) counts[database] += 1
      }
    }
    return counts
  }

  #isListed({ record, clockMs }: Claim): boolean {
    if (record === null) return false
    if (record.author === this.#options.ownPeerId) return true
    const oldestMs = this.#components.clock.now() - this.#options.ttlMs
    return clockMs >= oldestMs || (this.#components.lastSeenMs(record.author) ?? 0) >= oldestMs
  }
}

function resolve(claims: readonly Claim[]): RegistryRecord | null {
  let best: Claim | null = null
  for (const claim of claims) {
    if (claim.record !== null && (best === null || isEarlier(claim, best))) best = claim
  }
  return best?.record ?? null
}

function isEarlier(claim: Claim, than: Claim): boolean {
  const isNamesake = ownsItsName(claim.record)
  if (isNamesake !== ownsItsName(than.record)) return isNamesake
  if (claim.firstMs !== than.firstMs) return claim.firstMs < than.firstMs
  return (claim.record?.author ?? '') < (than.record?.author ?? '')
}

function recordsOf<T extends RecordValue>(claims: Iterable<Claim>): RegistryRecord<T>[] {
  const records: RegistryRecord<T>[] = []
  for (const { record } of claims) if (record !== null) records.push(asKind<T>(record))
  return records
}

function recordsBefore(epoch: number, claims: readonly (Claim | null)[]): RegistryRecord[] {
  return recordsOf(
    claims.flatMap((claim) => (claim === null || isHeldSince(claim, epoch) ? [] : claim)),
  )
}

/** True for a record that a peer wrote under its own peer ID. */
export function ownsItsName(record: RegistryRecord | null): boolean {
  return record !== null && record.localId === record.author
}

/** The database decides the kind of its records; the caller names both. */
function asKind<T extends RecordValue>(record: RegistryRecord): RegistryRecord<T> {
  return record as RegistryRecord<T>
}

function noClaims(): Record<DatabaseName, Claims> {
  return {
    nodes: new Claims('nodes'),
    trust: new Claims('trust'),
    stores: new Claims('stores'),
    attestations: new Claims('attestations'),
  }
}

function noIds(): Record<DatabaseName, Set<string>> {
  return { nodes: new Set(), trust: new Set(), stores: new Set(), attestations: new Set() }
}
