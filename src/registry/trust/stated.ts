import type { RegistryView } from '../types.ts'
import { ManyStatements } from './many-statements.ts'
import { FewStatements, keyCount, type Statements } from './statements.ts'

/** Claims on one local ID from which on they are kept in order instead of looked through. */
const MANY = 64

export interface StatedOptions {
  /** @default 64 */
  readonly many?: number | undefined
}

export interface StatedComponents {
  readonly view: Pick<RegistryView, 'claims' | 'claimCount' | 'authorsOf' | 'claimOf' | 'localIds'>
}

/** What a look at a local ID came to. */
export interface Read {
  /** null: there is more to read. */
  readonly statements: Statements | null
  /** In keys. */
  readonly cost: number
}

/** Reads what is stated about local IDs, and keeps of those that very many claim what it has read. */
export class Stated {
  readonly #many: number
  readonly #view: StatedComponents['view']
  readonly #kept = new Map<string, ManyStatements>()

  constructor({ many = MANY }: StatedOptions, { view }: StatedComponents) {
    this.#many = many
    this.#view = view
  }

  /** Local IDs that anything is stated about, or was when they were read. */
  *localIds(): Generator<string> {
    yield* this.#view.localIds('trust')
    yield* this.#kept.keys()
  }

  /** Claims on a local ID may be others than before. @param authors whose; null: anybody's */
  note(localId: string, authors: Iterable<string> | null): void {
    this.#kept.get(localId)?.note(authors)
  }

  /**
   * Reads what changed, until it has cost so much.
   * @param before what was read last; the same when nothing changed, with the same revision
   */
  read(localId: string, before: Statements | null, limit: number): Read {
    const count = this.#view.claimCount('trust', localId)
    const known = this.#kept.get(localId)
    // At the edge it does not change its mind with each claim.
    if (count < (known === undefined ? this.#many : this.#many / 2)) {
      this.#kept.delete(localId)
      return this.#readFew(localId, before)
    }
    const statements = known ?? new ManyStatements(localId, this.#view)
    this.#kept.set(localId, statements)
    const cost = statements.read(limit)
    return { statements: cost < limit ? statements : null, cost }
  }

  #readFew(localId: string, before: Statements | null): Read {
    const claims = this.#view.claims('trust', localId)
    const cost = claims.reduce((sum, claim) => sum + keyCount(claim), 0)
    const now = new FewStatements(claims)
    const isSame = before instanceof FewStatements && now.isSameAs(before)
    return { statements: isSame ? before : now, cost }
  }
}
