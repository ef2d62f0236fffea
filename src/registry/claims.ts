import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { AuthorIds } from './author-ids.ts'
import type { JudgedEntry } from './store/entry-rules.ts'
import type { DatabaseName, RegistryRecord } from './types.ts'

/** Local ids gone through in one go: some milliseconds. */
const CLOSED_AT_ONCE = 2000

/**
 * Keys of one author in one database that are kept, deleted ones included: twice what the largest
 * station was measured with. A valid key may write entries for ever; it must not fill every memory.
 */
export const KEYS_PER_AUTHOR = 20_000

const NO_CLAIMS: ReadonlyMap<string, Claim> = new Map()

/** What the log of one epoch says of one key: its winning entry there, tombstones included. */
interface Version {
  /** Below 0: a preview, in no log yet. */
  readonly epoch: number
  /** null for a tombstone. */
  readonly record: RegistryRecord | null
  readonly clockMs: number
  readonly hash: string
  /** Clock of the earliest put of this key. */
  readonly firstMs: number
}

/** The state of one key over all open epochs. */
export interface Claim {
  /** null when it was deleted. */
  readonly record: RegistryRecord | null
  readonly clockMs: number
  readonly hash: string
  readonly firstMs: number
  /** One per epoch that has entries of this key, and per preview that shows one. */
  readonly versions: readonly Version[]
}

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
   * @param localIds those that it says anything of; absent: to be found out
   * @returns whether anything changed.
   */
  async closeEpoch(
    epoch: number,
    localIds: Iterable<string> = this.#byId.keys(),
  ): Promise<boolean> {
    let isChanged = false
    let left = CLOSED_AT_ONCE
    for (const localId of localIds) {
      const authors = this.#byId.get(localId) ?? []
      for (const [author, claim] of authors) {
        const versions = claim.versions.filter((version) => version.epoch !== epoch)
        if (versions.length === claim.versions.length) continue
        isChanged = true
        const [first, ...others] = versions
        if (first === undefined) {
          this.#remove(localId, author)
        } else {
          const rest = toClaim(first, others)
          this.#authorsOf(localId).set(author, rest)
          if (!isHeldSomewhere(versions)) this.#freeRoom(author, localId)
          this.#count(claim, rest)
        }
      }
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

  /** The claims on each local id, by author. */
  groups(): Iterable<ReadonlyMap<string, Claim>> {
    return this.#byId.values()
  }

  *all(): Generator<Claim> {
    for (const authors of this.#byId.values()) yield* authors.values()
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

/**
 * True when the log of this epoch, or of a later one, has the entry that counts. Another of the key is not
 * enough: anyone can carry an old statement there, and the later one would be thought safe.
 */
export function isHeldSince(claim: Claim, epoch: number): boolean {
  return claim.versions.some((version) => version.epoch >= epoch && version.hash === claim.hash)
}

/** The claim as the logs have it, without previews; null when it is in none. */
export function asHeld(claim: Claim): Claim | null {
  const [first, ...others] = claim.versions.filter(({ epoch }) => epoch >= 0)
  if (first === undefined) return null
  return others.length + 1 === claim.versions.length ? claim : toClaim(first, others)
}

function isHeldSomewhere(versions: readonly Version[]): boolean {
  return versions.some(({ epoch }) => epoch >= 0)
}

/** The clock of the earliest put in the logs of this epoch and later ones. */
export function firstSince(claim: Claim, epoch: number): number {
  const since = claim.versions.filter((version) => version.epoch >= epoch)
  return Math.min(...since.map(({ firstMs }) => firstMs))
}

function toClaim(first: Version, others: readonly Version[]): Claim {
  let latest = first
  let { firstMs } = first
  for (const version of others) {
    if (isLater(version.clockMs, version.hash, latest)) latest = version
    firstMs = Math.min(firstMs, version.firstMs)
  }
  const { record, clockMs, hash } = latest
  return { record, clockMs, hash, firstMs, versions: [first, ...others] }
}

function isLater(clockMs: number, hash: string, than: Version): boolean {
  return clockMs === than.clockMs ? hash > than.hash : clockMs > than.clockMs
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
