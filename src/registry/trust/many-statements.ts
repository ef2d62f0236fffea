import { LeastOf } from '../../lib/least-of.ts'
import type { RegistryRecord, RegistryView } from '../types.ts'
import { boundKeysOf } from './bound-keys.ts'
import {
  isKeyClaim,
  isRevokedEarlier,
  isStatedEarlier,
  type KeyClaim,
  keyCount,
  type Revocation,
  revocationsIn,
  type Statements,
} from './statements.ts'

/**
 * The statements about a local ID that very many stations claim. What is asked of them is kept in order, so that
 * one that changes costs as little as one of few. They are read some at a time; nothing is to be asked of them
 * while there is more to read.
 */
export class ManyStatements implements Statements {
  readonly #localId: string
  readonly #view: Pick<RegistryView, 'authorsOf' | 'claimOf'>
  readonly #claims = new Map<string, RegistryRecord>()
  readonly #earliest: LeastOf<KeyClaim>
  /** By public key; of most there is one. */
  readonly #revocations = new Map<string, Revocation | LeastOf<Revocation>>()
  /** Authors whose claims are to be read. */
  readonly #changed = new Set<string>()
  /** Those that are read after them. */
  #rest: Iterator<string> | null
  #revision = 0

  constructor(localId: string, view: Pick<RegistryView, 'authorsOf' | 'claimOf'>) {
    this.#localId = localId
    this.#view = view
    this.#rest = this.#everyAuthor()
    this.#earliest = new LeastOf({ isBefore: isStatedEarlier, isHere: (one) => this.#isHere(one) })
  }

  get size(): number {
    return this.#claims.size
  }

  get revision(): number {
    return this.#revision
  }

  /** Claims may be others than before. @param authors whose; null: anybody's */
  note(authors: Iterable<string> | null): void {
    if (authors === null) this.#rest = this.#everyAuthor()
    else for (const author of authors) this.#changed.add(author)
  }

  /** @returns what it cost; as much as `limit` when there may be more to read. */
  read(limit: number): number {
    let cost = 0
    while (cost < limit) {
      const author = this.#next()
      if (author === null) return cost
      cost += this.#take(author)
    }
    return cost
  }

  all(): Iterable<RegistryRecord> {
    return this.#claims.values()
  }

  by(author: string): RegistryRecord | null {
    return this.#claims.get(author) ?? null
  }

  earliest(): KeyClaim | null {
    return this.#earliest.least()
  }

  revocationOf(publicKey: string, author: string): Revocation | null {
    const known = this.#revocations.get(publicKey)
    if (known === undefined) return null
    if (known instanceof LeastOf) return known.least(({ claim }) => claim.author !== author)
    return known.claim.author === author ? null : known
  }

  #next(): string | null {
    for (const author of this.#changed) {
      this.#changed.delete(author)
      return author
    }
    const next = this.#rest?.next()
    if (next?.done === false) return next.value
    this.#rest = null
    return null
  }

  /** What comes and goes meanwhile is told of anyhow. */
  *#everyAuthor(): Generator<string> {
    yield* this.#view.authorsOf('trust', this.#localId)
    yield* this.#claims.keys()
  }

  #take(author: string): number {
    const before = this.#claims.get(author)
    const now = this.#view.claimOf('trust', this.#localId, author)
    if (before?.entryHash === now?.entryHash) return 1
    this.#revision += 1
    this.#claims.delete(author)
    if (before !== undefined) this.#forget(before)
    if (now !== null) {
      this.#claims.set(author, now)
      this.#add(now)
    }
    return keyCount(before ?? null) + keyCount(now)
  }

  #add(claim: RegistryRecord): void {
    if (!isKeyClaim(claim)) return
    if (boundKeysOf(claim).keys.length > 0) this.#earliest.add(claim)
    for (const revocation of earliestIn(claim)) {
      const { public_key } = revocation.key
      const known = this.#revocations.get(public_key)
      if (known === undefined) this.#revocations.set(public_key, revocation)
      else if (known instanceof LeastOf) known.add(revocation)
      else this.#revocations.set(public_key, this.#leastOf(known, revocation))
    }
  }

  /** @param claim that is here no longer */
  #forget(claim: RegistryRecord): void {
    if (!isKeyClaim(claim)) return
    if (boundKeysOf(claim).keys.length > 0) this.#earliest.noteGone()
    for (const { key } of earliestIn(claim)) {
      const known = this.#revocations.get(key.public_key)
      if (known instanceof LeastOf) known.noteGone()
      if (!(known instanceof LeastOf) || known.size === 0) this.#revocations.delete(key.public_key)
    }
  }

  #leastOf(...revocations: Revocation[]): LeastOf<Revocation> {
    const isHere = ({ claim }: Revocation) => this.#isHere(claim)
    const least = new LeastOf({ isBefore: isRevokedEarlier, isHere })
    for (const revocation of revocations) least.add(revocation)
    return least
  }

  #isHere(claim: RegistryRecord): boolean {
    return this.#claims.get(claim.author) === claim
  }
}

/** Of each public key that a statement revokes, under whatever numbers, the revocation that it dates earliest. */
function earliestIn(claim: KeyClaim): Iterable<Revocation> {
  const earliest = new Map<string, Revocation>()
  for (const revocation of revocationsIn(claim)) {
    const { public_key } = revocation.key
    const known = earliest.get(public_key)
    if (known === undefined || isRevokedEarlier(revocation, known)) {
      earliest.set(public_key, revocation)
    }
  }
  return earliest.values()
}
