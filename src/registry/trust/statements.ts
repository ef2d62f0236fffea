import type { RegistryRecord, TrustKeyVersion, TrustRecord, VouchRecord } from '../types.ts'
import { addedMs, boundKeysOf } from './bound-keys.ts'

export type KeyClaim = RegistryRecord<TrustRecord>
export type VouchClaim = RegistryRecord<VouchRecord>

/** One station's revocation of one public key. */
export interface Revocation {
  readonly claim: KeyClaim
  readonly key: TrustKeyVersion
}

/** All that is stated about one local ID, as it is judged: mostly by one or two stations, by any number of strangers. */
export interface Statements {
  readonly size: number
  /** Another one whenever something else is stated. */
  readonly revision: number
  /** In no order. */
  all(): Iterable<RegistryRecord>
  by(author: string): RegistryRecord | null
  /** Of those with keys that fit the ID, the one whose first key was added first; between equals the smaller author's. */
  earliest(): KeyClaim | null
  /** The revocation of a key that others than this author date earliest; between equals the smaller author's. */
  revocationOf(publicKey: string, author: string): Revocation | null
}

/** Few statements, by author, looked through at each question. */
export class FewStatements implements Statements {
  readonly #claims: readonly RegistryRecord[]
  readonly revision = 0

  constructor(claims: readonly RegistryRecord[]) {
    this.#claims = claims.length > 1 ? [...claims].sort(compareAuthors) : claims
  }

  get size(): number {
    return this.#claims.length
  }

  all(): Iterable<RegistryRecord> {
    return this.#claims
  }

  by(author: string): RegistryRecord | null {
    return this.#claims.find((claim) => claim.author === author) ?? null
  }

  earliest(): KeyClaim | null {
    let earliest: KeyClaim | null = null
    for (const claim of this.#claims) {
      if (!isKeyClaim(claim) || boundKeysOf(claim).keys.length === 0) continue
      if (earliest === null || isStatedEarlier(claim, earliest)) earliest = claim
    }
    return earliest
  }

  revocationOf(publicKey: string, author: string): Revocation | null {
    let earliest: Revocation | null = null
    for (const claim of this.#claims) {
      if (claim.author === author || !isKeyClaim(claim)) continue
      for (const revocation of revocationsIn(claim)) {
        if (revocation.key.public_key !== publicKey) continue
        if (earliest === null || isRevokedEarlier(revocation, earliest)) earliest = revocation
      }
    }
    return earliest
  }

  isSameAs(other: FewStatements): boolean {
    return (
      this.size === other.size &&
      this.#claims.every(({ entryHash }, i) => entryHash === other.#claims[i]?.entryHash)
    )
  }
}

export function compareAuthors(a: RegistryRecord, b: RegistryRecord): number {
  return a.author < b.author ? -1 : 1
}

export function isKeyClaim(claim: RegistryRecord | null): claim is KeyClaim {
  return claim !== null && 'versions' in claim.value
}

export function isVouchClaim(claim: RegistryRecord | null): claim is VouchClaim {
  return claim !== null && 'peer_id' in claim.value
}

/** Whether any of these stations is among those that state something, found by whichever are fewer. */
export function isOfAny(authors: ReadonlySet<string>, statements: Statements): boolean {
  if (authors.size < statements.size) {
    return [...authors].some((author) => statements.by(author) !== null)
  }
  for (const { author } of statements.all()) if (authors.has(author)) return true
  return false
}

/** What a claim costs to look at. */
export function keyCount(claim: RegistryRecord | null): number {
  return isKeyClaim(claim) ? Object.keys(claim.value.versions).length : 1
}

/** Whether its first key was added first. */
export function isStatedEarlier(claim: KeyClaim, than: KeyClaim): boolean {
  return isEarlier(boundKeysOf(claim).earliestMs, claim, boundKeysOf(than).earliestMs, than)
}

export function isRevokedEarlier(one: Revocation, than: Revocation): boolean {
  return isEarlier(addedMs(one.key), one.claim, addedMs(than.key), than.claim)
}

/** The revoked ones of its keys that fit the ID. */
export function revocationsIn(claim: KeyClaim): Revocation[] {
  return boundKeysOf(claim)
    .keys.filter(({ status }) => status === 'revoked')
    .map((key) => ({ claim, key }))
}

function isEarlier(ms: number, claim: KeyClaim, otherMs: number, than: KeyClaim): boolean {
  return ms === otherMs ? claim.author < than.author : ms < otherMs
}
