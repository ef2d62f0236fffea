import { AttestationIndex } from './attestation-index.ts'
import { Changes, type ClaimPlace } from './changes.ts'
import { isHeldSince } from './claim.ts'
import { asKind, recordsOf } from './claim-choice.ts'
import { Claims } from './claims.ts'
import { DATABASE_NAMES } from './records/index.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type { AttestationRecord, DatabaseName, RecordValue, RegistryRecord } from './types.ts'

export interface KeptClaimsOptions {
  readonly ownPeerId: string
}

export interface KeptClaimsComponents {
  /** An author has more keys than are kept of one; one of them is not shown. */
  onDropped?(database: DatabaseName): void
}

/** What a preview shows of one claim. */
export interface ShownClaim extends ClaimPlace {
  /** The latest that was no delete; null: there was none. */
  readonly value: RecordValue | null
}

/**
 * The claims of all databases, and what is looked up beside them: which are ours, the attestations of a
 * manifest, and what changed. Entries come in here, and epochs go.
 */
export class KeptClaims {
  readonly #options: KeptClaimsOptions
  readonly #components: KeptClaimsComponents
  #claims = noClaims()
  readonly #attestations = new AttestationIndex()
  /** Local ids that we have a claim on. */
  #own = noIds()
  readonly #changes = perDatabase(() => new Changes())

  constructor(options: KeptClaimsOptions, components: KeptClaimsComponents) {
    this.#options = options
    this.#components = components
  }

  get ownPeerId(): string {
    return this.#options.ownPeerId
  }

  /** Good until the next `clear()`. */
  of(database: DatabaseName): Claims {
    return this.#claims[database]
  }

  changes(database: DatabaseName): Changes {
    return this.#changes[database]
  }

  /** Local ids that we have a claim on, deleted ones included. */
  ownIds(database: DatabaseName): ReadonlySet<string> {
    return this.#own[database]
  }

  /** Local ids under which there may be an attestation of the manifest. */
  attestedIds(manifestHash: string): Iterable<string> {
    return this.#attestations.of(manifestHash)
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
  join(database: DatabaseName, judged: JudgedEntry, epoch: number): RegistryRecord | null {
    const { entry, localId } = judged
    const claims = this.#claims[database]
    const before = claims.by(localId, entry.key)
    const wasPreviewed = before?.hash === entry.hash && !isHeldSince(before, 0)
    const current = this.apply(database, judged, epoch)
    return wasPreviewed ? (claims.by(localId, entry.key)?.record ?? null) : current
  }

  /** Takes an entry, in a log or not. @returns the record when this entry made it current. */
  apply(database: DatabaseName, judged: JudgedEntry, epoch: number): RegistryRecord | null {
    const { current, isChanged, dropped } = this.#claims[database].apply(judged, epoch)
    const { localId } = judged
    const author = judged.entry.key
    if (author === this.#options.ownPeerId) this.#own[database].add(localId)
    if (isChanged) this.#changes[database].note({ localId, author })
    if (dropped !== null) {
      this.#changes[database].note({ localId: dropped, author })
      this.#components.onDropped?.(database)
    }
    if (current !== null && database === 'attestations') this.#attestations.note(asKind(current))
    return current
  }

  /**
   * Forgets what only this preview says. Looks at nothing but what it showed: previews come and go, and
   * any peer can make them.
   */
  async endPreview(
    database: DatabaseName,
    epoch: number,
    shown: readonly ShownClaim[],
  ): Promise<void> {
    const claims = this.#claims[database]
    await claims.closeEpoch(epoch, shown)
    for (const { localId, author, value } of shown) {
      this.#changes[database].note({ localId, author })
      if (database !== 'attestations' || value === null || claims.of(localId).size > 0) continue
      this.#attestations.forget((value as AttestationRecord).manifest_hash, localId)
    }
  }

  /** Forgets what only this epoch says, without holding up anything else. */
  async close(database: DatabaseName, epoch: number): Promise<void> {
    const claims = this.#claims[database]
    if (!(await claims.closeEpoch(epoch))) return
    this.#changes[database].noteMany()
    for (const localId of this.#own[database]) {
      if (claims.by(localId, this.#options.ownPeerId) === null) this.#own[database].delete(localId)
    }
    if (database === 'attestations') this.#attestations.reset(recordsOf(claims.all()))
  }
}

export function perDatabase<T>(make: (database: DatabaseName) => T): Record<DatabaseName, T> {
  return {
    nodes: make('nodes'),
    trust: make('trust'),
    stores: make('stores'),
    attestations: make('attestations'),
  }
}

const noClaims = () => perDatabase((database) => new Claims(database))
const noIds = () => perDatabase(() => new Set<string>())
