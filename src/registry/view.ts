import type { Clock } from '../lib/clock.ts'
import { AttestationIndex } from './attestation-index.ts'
import { Changes } from './changes.ts'
import { asKind, better, recordsBefore, recordsOf, resolve } from './claim-choice.ts'
import { asHeld, type Claim, Claims, firstSince, isHeldSince, KEYS_PER_AUTHOR } from './claims.ts'
import { isCarriedId } from './records/carried.ts'
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

/** Entries that are shown although they are in no log yet. */
export interface Preview {
  show(judged: JudgedEntry): void
  /** Ends it; what has joined a log meanwhile stays. Nothing is shown any more from the call on. */
  close(): Promise<void>
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
  #claims = noClaims()
  readonly #attestations = new AttestationIndex()
  /** Local ids that we have a claim on. */
  #own = noIds()
  readonly #changes = noChanges()
  /** Previews stand in the claims as epochs before all others, each its own. */
  #lastPreview = 0

  constructor(options: ViewOptions, components: ViewComponents) {
    this.#options = options
    this.#components = components
  }

  clear(): void {
    for (const database of DATABASE_NAMES) this.#changes[database].noteMany()
    this.#claims = noClaims()
    this.#attestations.reset()
    this.#own = noIds()
  }

  /**
   * Takes an entry that is in the log of this epoch.
   * @returns the record when this entry made it current, null otherwise; a preview makes nothing current.
   */
  apply(database: DatabaseName, judged: JudgedEntry, epoch = 0): RegistryRecord | null {
    const { entry, localId } = judged
    const before = this.#claims[database].by(localId, entry.key)
    const wasPreviewed = before?.hash === entry.hash && !isHeldSince(before, 0)
    const current = this.#apply(database, judged, epoch)
    return wasPreviewed ? this.claimOf(database, localId, entry.key) : current
  }

  /**
   * Shows entries of one log that have not joined it yet, but for revocations that are carried, and for our
   * own: what we write is decided by what is in a log.
   */
  preview(database: DatabaseName): Preview {
    this.#lastPreview -= 1
    const preview = this.#lastPreview
    const shown = new Map<string, RecordValue | null>()
    let isOpen = true
    return {
      show: (judged) => {
        const isCarried = database === 'trust' && isCarriedId(judged.localId)
        // Of an author at the limit it may not be kept when it joins.
        const isRoom = this.keyCountOf(database, judged.entry.key) < KEYS_PER_AUTHOR
        const isOwn = judged.entry.key === this.#options.ownPeerId
        if (!isOpen || !isRoom || isCarried || isOwn) return
        shown.set(judged.localId, judged.entry.payload.value ?? shown.get(judged.localId) ?? null)
        this.#apply(database, judged, preview)
      },
      close: async () => {
        isOpen = false
        await this.#endPreview(database, preview, shown)
        shown.clear()
      },
    }
  }

  /** Takes the logs of an epoch out of the view, without holding up anything else. */
  async closeEpoch(epoch: number): Promise<void> {
    for (const database of DATABASE_NAMES) await this.#close(database, epoch)
  }

  list<T extends RecordValue = RecordValue>(database: DatabaseName): RegistryRecord<T>[] {
    const records: RegistryRecord<T>[] = []
    for (const record of this.listed<T>(database)) records.push(record)
    return records
  }

  *listed<T extends RecordValue = RecordValue>(
    database: DatabaseName,
  ): Generator<RegistryRecord<T>> {
    for (const claims of this.#claims[database].groups()) {
      const best = this.#bestListed(claims.values())
      if (best !== null) yield asKind<T>(best)
    }
  }

  get<T extends RecordValue = RecordValue>(
    database: DatabaseName,
    localId: string,
  ): RegistryRecord<T> | null {
    const claims = this.#claims[database].of(localId)
    const best = this.#bestListed(claims) ?? resolve(claims)
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
    return this.#changes[database].revision
  }

  changedSince(database: DatabaseName, revision: number): readonly string[] | null {
    return this.#changes[database].since(revision)
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

  /** Current records of other authors that only logs before this epoch have; of previews nothing is known. */
  *foreignBefore(epoch: number, database: DatabaseName): Generator<RegistryRecord> {
    for (const claim of this.#claims[database].all()) {
      if (claim.record?.author === this.#options.ownPeerId) continue
      yield* recordsBefore(epoch, [asHeld(claim)])
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
    const { nodes, trust, stores, attestations } = this.#claims
    return {
      nodes: nodes.recordCount,
      trust: trust.recordCount,
      stores: stores.recordCount,
      attestations: attestations.recordCount,
    }
  }

  /** Keys of an author, deleted ones included. */
  keyCountOf(database: DatabaseName, author: string): number {
    return this.#claims[database].keyCountOf(author)
  }

  #apply(database: DatabaseName, judged: JudgedEntry, epoch: number): RegistryRecord | null {
    const { current, isChanged, dropped } = this.#claims[database].apply(judged, epoch)
    if (judged.entry.key === this.#options.ownPeerId) this.#own[database].add(judged.localId)
    if (isChanged) this.#changes[database].note(judged.localId)
    if (dropped !== null) {
      this.#changes[database].note(dropped)
      this.#components.onDropped?.(database)
    }
    if (current !== null && database === 'attestations') this.#attestations.note(asKind(current))
    return current
  }

  /** Looks at nothing but what was shown: previews come and go, and any peer can make them. */
  async #endPreview(
    database: DatabaseName,
    preview: number,
    shown: ReadonlyMap<string, RecordValue | null>,
  ): Promise<void> {
    const claims = this.#claims[database]
    await claims.closeEpoch(preview, shown.keys())
    for (const [localId, value] of shown) {
      this.#changes[database].note(localId)
      if (database !== 'attestations' || value === null || claims.of(localId).length > 0) continue
      this.#attestations.forget((value as AttestationRecord).manifest_hash, localId)
    }
  }

  async #close(database: DatabaseName, epoch: number): Promise<void> {
    const claims = this.#claims[database]
    if (!(await claims.closeEpoch(epoch))) return
    this.#changes[database].noteMany()
    for (const localId of this.#own[database]) {
      if (claims.by(localId, this.#options.ownPeerId) === null) this.#own[database].delete(localId)
    }
    if (database === 'attestations') this.#attestations.reset(this.allClaims(database))
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

function perDatabase<T>(make: (database: DatabaseName) => T): Record<DatabaseName, T> {
  return {
    nodes: make('nodes'),
    trust: make('trust'),
    stores: make('stores'),
    attestations: make('attestations'),
  }
}

const noClaims = () => perDatabase((database) => new Claims(database))
const noChanges = () => perDatabase(() => new Changes())
const noIds = () => perDatabase(() => new Set<string>())
