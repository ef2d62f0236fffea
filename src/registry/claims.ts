import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { AuthorIds } from './author-ids.ts'
import type { ClaimPlace } from './changes.ts'
import { type Claim, isHeldSomewhere, isLater, toClaim } from './claim.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type { DatabaseName, RegistryRecord } from './types.ts'

/** Claims gone through in one go, also on one local id: some milliseconds. */
const CLOSED_AT_ONCE = 2000

/**
 * Keys of one author in one database that are kept, deleted ones included: twice what the largest
 * station was measured with. A valid key may write entries for ever; it must not fill every memory.
 */
export const KEYS_PER_AUTHOR = 20_000

const NO_CLAIMS: ReadonlyMap<string, Claim> = new Map()

/** What one entry did. */
export interface Applied {
  /** The record, when the entry made it current. */
  readonly current: RegistryRecord | null
  readonly isChanged: boolean
  /** Local id of the key, this or another, that its author has no room for; null: none. */
  readonly dropped: string | null
}

/**
 * The claims of one database: local id -> author -> claim. Maps, because a local id may be any word.
 * Per key the entry with the latest clock wins, between equal clocks the greater hash, in whichever
 * open epoch it is; so the outcome does not depend on the order in which entries arrive. Of an author with
 * more keys than there is room for, those whose local ids sort first are kept, for the same reason. What
 * is in no log takes none of that room.
 */
export class Claims {
  readonly #database: DatabaseName
  readonly #keysPerAuthor: number
  readonly #byId = new Map<string, Map<string, Claim>>()
  readonly #idsOf = new Map<string, AuthorIds>()
  #recordCount = 0

  constructor(database: DatabaseName, keysPerAuthor: number = KEYS_PER_AUTHOR) {
    this.#database = database
    this.#keysPerAuthor = keysPerAuthor
  }

  /** Current records. */
  get recordCount(): number {
    return this.#recordCount
  }

  /** Keys of an author that a log has, deleted ones included. */
  keyCountOf(author: string): number {
    return this.#idsOf.get(author)?.size ?? 0
  }

  /** Local ids of those keys, in no order. */
  idsOf(author: string): Iterable<string> {
    return this.#idsOf.get(author) ?? []
  }

  apply({ entry, localId }: JudgedEntry, epoch: number): Applied {
    const { hash, key: author, payload } = entry
    const clockMs = entry.clock.time
    const before = this.#byId.get(localId)?.get(author)
    const isNewInLogs = epoch >= 0 && (before === undefined || !isHeldSomewhere(before.versions))
    const dropped = isNewInLogs ? this.#makeRoom(author, localId) : null
    if (dropped === localId) return { current: null, isChanged: false, dropped }
    const versions = before?.versions ?? []
    const known = versions.find((version) => version.epoch === epoch)
    const firstMs = Math.min(
      known?.firstMs ?? Number.POSITIVE_INFINITY,
      payload.op === 'PUT' ? clockMs : Number.POSITIVE_INFINITY,
    )
    const isLatest = known === undefined || isLater(clockMs, hash, known)
    const version = isLatest
      ? { epoch, record: toRecord(this.#database, entry, localId), clockMs, hash, firstMs }
      : { ...known, firstMs }
    const claim = toClaim(
      version,
      versions.filter((other) => other !== known),
    )
    this.#authorsOf(localId).set(author, claim)
    this.#count(before, claim)
    // Also where the same entry is in the log of one more epoch: a revocation that was carried.
    const isChanged = isLatest || before?.firstMs !== claim.firstMs
    const isCurrent = before?.hash !== hash && claim.hash === hash
    return { current: isCurrent ? claim.record : null, isChanged, dropped }
  }

  /**
   * Forgets what only the log of this epoch says, some claims at a time: there may be a hundred thousand.
   * @param places those that it says anything of; absent: to be found out
   * @returns whether anything changed.
   */
  async closeEpoch(epoch: number, places: Iterable<ClaimPlace> = this.#places()): Promise<boolean> {
    let isChanged = false
    let left = CLOSED_AT_ONCE
    for (const { localId, author } of places) {
      if (this.#closeOne(epoch, localId, author)) isChanged = true
      left -= 1
      if (left > 0) continue
      left = CLOSED_AT_ONCE
      await yieldToLoop()
    }
    return isChanged
  }

  /** The claims on one local id, by author: any number of strangers may have one. */
  of(localId: string): ReadonlyMap<string, Claim> {
    return this.#byId.get(localId) ?? NO_CLAIMS
  }

  by(localId: string, author: string): Claim | null {
    return this.#byId.get(localId)?.get(author) ?? null
  }

  localIds(): Iterable<string> {
    return this.#byId.keys()
  }

  /** The claims on each local id, by author. */
  groups(): Iterable<ReadonlyMap<string, Claim>> {
    return this.#byId.values()
  }

  *all(): Generator<Claim> {
    for (const authors of this.#byId.values()) yield* authors.values()
  }

  /** What comes meanwhile may be among them. */
  *#places(): Generator<ClaimPlace> {
    for (const [localId, authors] of this.#byId) {
      for (const author of authors.keys()) yield { localId, author }
    }
  }

  #closeOne(epoch: number, localId: string, author: string): boolean {
    const claim = this.#byId.get(localId)?.get(author)
    const versions = claim?.versions.filter((version) => version.epoch !== epoch) ?? []
    if (claim === undefined || versions.length === claim.versions.length) return false
    const [first, ...others] = versions
    if (first === undefined) {
      this.#remove(localId, author)
      return true
    }
    const rest = toClaim(first, others)
    this.#authorsOf(localId).set(author, rest)
    if (!isHeldSomewhere(versions)) this.#freeRoom(author, localId)
    this.#count(claim, rest)
    return true
  }

  #makeRoom(author: string, localId: string): string | null {
    const ids = this.#idsOf.get(author) ?? new AuthorIds(this.#keysPerAuthor)
    this.#idsOf.set(author, ids)
    const dropped = ids.add(localId)
    if (dropped !== null && dropped !== localId) this.#remove(dropped, author)
    return dropped
  }

  #remove(localId: string, author: string): void {
    const authors = this.#byId.get(localId)
    this.#count(authors?.get(author), undefined)
    authors?.delete(author)
    if (authors?.size === 0) this.#byId.delete(localId)
    this.#freeRoom(author, localId)
  }

  #freeRoom(author: string, localId: string): void {
    const ids = this.#idsOf.get(author)
    ids?.delete(localId)
    if (ids?.size === 0) this.#idsOf.delete(author)
  }

  #count(before: Claim | undefined, after: Claim | undefined): void {
    const live = (claim: Claim | undefined) =>
      claim === undefined || claim.record === null ? 0 : 1
    this.#recordCount += live(after) - live(before)
  }

  #authorsOf(localId: string): Map<string, Claim> {
    const known = this.#byId.get(localId)
    if (known !== undefined) return known
    const authors = new Map<string, Claim>()
    this.#byId.set(localId, authors)
    return authors
  }
}

function toRecord(
  database: DatabaseName,
  entry: JudgedEntry['entry'],
  localId: string,
): RegistryRecord | null {
  const { key, value } = entry.payload
  if (value === null) return null
  const { key: author, hash: entryHash } = entry
  return { database, key, author, localId, value, clockMs: entry.clock.time, entryHash }
}
