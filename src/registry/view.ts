import type { Clock } from '../lib/clock.ts'
import { type Claim, isHeldSince } from './claim.ts'
import { asKind, better, recordsOf, resolve } from './claim-choice.ts'
import { KeptClaims, perDatabase } from './kept-claims.ts'
import { type Preview, Previews } from './previews.ts'
import { DATABASE_NAMES } from './records/index.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type {
  AttestationRecord,
  DatabaseName,
  RecordValue,
  RegistryRecord,
  RegistryView,
} from './types.ts'

export { ownsItsName } from './claim-choice.ts'

export interface ViewOptions {
  readonly ownPeerId: string
  readonly ttlMs: number
}

export interface ViewComponents {
  readonly clock: Clock
  lastSeenMs(peerId: string): number | null
  /** An author has more keys than are kept of one; one of them is not shown. */
  onDropped?(database: DatabaseName): void
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
 * - An entry may be shown before it joins. It is the same entry then, and gone when it never does, so
 *   that the view is that of the logs again.
 * - A claim is listed while it was refreshed, or its author seen, within the time to live, and always
 *   when it is ours. Listed claims count before unlisted ones.
 */
export class RecordView implements RegistryView {
  readonly #options: ViewOptions
  readonly #components: ViewComponents
  /** The claims themselves, for the registry's own parts. */
  readonly kept: KeptClaims
  readonly #previews: Previews

  constructor(options: ViewOptions, components: ViewComponents) {
    this.#options = options
    this.#components = components
    this.kept = new KeptClaims({ ownPeerId: options.ownPeerId }, components)
    this.#previews = new Previews(this.kept)
  }

  clear(): void {
    this.kept.clear()
  }

  /**
   * Takes an entry that is in the log of this epoch.
   * @returns the record when this entry made it current, null otherwise; a preview makes nothing current.
   */
  apply(database: DatabaseName, judged: JudgedEntry, epoch = 0): RegistryRecord | null {
    return this.kept.join(database, judged, epoch)
  }

  /**
   * Shows entries of one log that have not joined it yet, but for revocations that are carried, and for our
   * own: what we write is decided by what is in a log.
   */
  preview(database: DatabaseName): Preview {
    return this.#previews.open(database)
  }

  /** Takes the logs of an epoch out of the view, without holding up anything else. */
  async closeEpoch(epoch: number): Promise<void> {
    for (const database of DATABASE_NAMES) await this.kept.close(database, epoch)
  }

  list<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[] {
    const records: RegistryRecord<T>[] = []
    for (const record of this.listed<T>(database)) records.push(record)
    return records
  }

  *listed<T extends RecordValue = RecordValue>(
    database: DatabaseName,
  ): Generator<RegistryRecord<T>> {
    for (const claims of this.kept.of(database).groups()) {
      const best = this.#bestListed(claims.values())
      if (best !== null) yield asKind<T>(best)
    }
  }

  get<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T> | null {
    const claims = this.kept.of(database).of(localId)
    const best = this.#bestListed(claims.values()) ?? resolve(claims.values())
    return best === null ? null : asKind<T>(best)
  }

  claims<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T>[] {
    return recordsOf<T>(this.kept.of(database).of(localId).values())
  }

  claimOf(database: DatabaseName, localId: string, author: string): RegistryRecord | null {
    return this.kept.of(database).by(localId, author)?.record ?? null
  }

  claimCount(database: DatabaseName, localId: string): number {
    return this.kept.of(database).of(localId).size
  }

  authorsOf(database: DatabaseName, localId: string): Iterable<string> {
    return this.kept.of(database).of(localId).keys()
  }

  localIds(database: DatabaseName): Iterable<string> {
    return this.kept.of(database).localIds()
  }

  ownerOf(database: DatabaseName, localId: string): string | null {
    return resolve(this.kept.of(database).of(localId).values())?.author ?? null
  }

  idsOf(database: DatabaseName, author: string): Iterable<string> {
    return this.kept.of(database).idsOf(author)
  }

  revision(database: DatabaseName): number {
    return this.kept.changes(database).revision
  }

  changedSince(database: DatabaseName, revision: number): readonly string[] | null {
    return this.kept.changes(database).since(revision)
  }

  changedClaims(
    database: DatabaseName,
    revision: number,
  ): ReadonlyMap<string, ReadonlySet<string>> | null {
    return this.kept.changes(database).claimsSince(revision)
  }

  attestationsOf(manifestHash: string): RegistryRecord<AttestationRecord>[] {
    const isOfManifest = ({ record }: Claim) =>
      record !== null && asKind<AttestationRecord>(record).value.manifest_hash === manifestHash
    const records: RegistryRecord<AttestationRecord>[] = []
    for (const localId of this.kept.attestedIds(manifestHash)) {
      const claims = [...this.kept.of('attestations').of(localId).values()]
      const best = resolve(claims.filter((claim) => isOfManifest(claim) && this.#isListed(claim)))
      if (best !== null) records.push(asKind<AttestationRecord>(best))
    }
    return records
  }

  /** Whether the log of this epoch, or of a later one, has entries of the author's key. */
  isHeldSince(epoch: number, database: DatabaseName, localId: string, author: string): boolean {
    const claim = this.kept.of(database).by(localId, author)
    return claim !== null && isHeldSince(claim, epoch)
  }

  /** The listed claim of another station that stands against a claim of ours, or null. */
  foreignClaim(database: DatabaseName, localId: string): RegistryRecord | null {
    const { ownPeerId } = this.#options
    const claims = [...this.kept.of(database).of(localId).values()]
    return resolve(
      claims.filter((claim) => claim.record?.author !== ownPeerId && this.#isListed(claim)),
    )
  }

  counts(): Record<DatabaseName, number> {
    return perDatabase((database) => this.kept.of(database).recordCount)
  }

  /** Keys of an author, deleted ones included. */
  keyCountOf(database: DatabaseName, author: string): number {
    return this.kept.of(database).keyCountOf(author)
  }

  #bestListed(claims: Iterable<Claim>): RegistryRecord | null {
    let best: Claim | null = null
    for (const claim of claims) if (this.#isListed(claim)) best = better(best, claim)
    return best?.record ?? null
  }

  #isListed({ record, clockMs }: Claim): boolean {
    if (record === null) return false
    if (record.author === this.#options.ownPeerId) return true
    const oldestMs = this.#components.clock.now() - this.#options.ttlMs
    return clockMs >= oldestMs || (this.#components.lastSeenMs(record.author) ?? 0) >= oldestMs
  }
}
