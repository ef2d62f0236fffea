import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { JudgedEntry } from './store/entry-rules.ts'
import type { DatabaseName, RegistryRecord } from './types.ts'

/** Local ids gone through in one go: some milliseconds. */
const CLOSED_AT_ONCE = 2000

/** What the log of one epoch says of one key: its winning entry there, tombstones included. */
interface Version {
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
  /** One per epoch that has entries of this key. */
  readonly versions: readonly Version[]
}

/**
 * The claims of one database: local id -> author -> claim. Maps, because a local id may be any word.
 * Per key the entry with the latest clock wins, between equal clocks the greater hash, in whichever
 * open epoch it is; so the outcome does not depend on the order in which entries arrive.
 */
export class Claims {
  readonly #database: DatabaseName
  readonly #byId = new Map<string, Map<string, Claim>>()

  constructor(database: DatabaseName) {
    this.#database = database
  }

  /** @returns the record when this entry made it current, and whether anything changed. */
  apply(
    { entry, localId }: JudgedEntry,
    epoch: number,
  ): { current: RegistryRecord | null; isChanged: boolean } {
    const { hash, key: author, payload } = entry
    const clockMs = entry.clock.time
    const authors = this.#authorsOf(localId)
    const before = authors.get(author)
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
    authors.set(author, claim)
    const isChanged = before?.hash !== claim.hash || before.firstMs !== claim.firstMs
    return {
      current: before?.hash !== hash && claim.hash === hash ? claim.record : null,
      isChanged,
    }
  }

  /**
   * Forgets what only the log of this epoch says, some claims at a time: there may be a hundred thousand.
   * @returns whether anything changed.
   */
  async closeEpoch(epoch: number): Promise<boolean> {
    let isChanged = false
    let left = CLOSED_AT_ONCE
    for (const [localId, authors] of this.#byId) {
      for (const [author, claim] of authors) {
        const versions = claim.versions.filter((version) => version.epoch !== epoch)
        if (versions.length === claim.versions.length) continue
        isChanged = true
        const [first, ...others] = versions
        if (first === undefined) authors.delete(author)
        else authors.set(author, toClaim(first, others))
      }
      if (authors.size === 0) this.#byId.delete(localId)
      left -= 1
      if (left > 0) continue
      left = CLOSED_AT_ONCE
      await yieldToLoop()
    }
    return isChanged
  }

  of(localId: string): Claim[] {
    return [...(this.#byId.get(localId)?.values() ?? [])]
  }

  by(localId: string, author: string): Claim | null {
    return this.#byId.get(localId)?.get(author) ?? null
  }

  /** The claims on each local id, one array after another. */
  *groups(): Generator<Claim[]> {
    for (const authors of this.#byId.values()) yield [...authors.values()]
  }

  *all(): Generator<Claim> {
    for (const authors of this.#byId.values()) yield* authors.values()
  }

  #authorsOf(localId: string): Map<string, Claim> {
    const known = this.#byId.get(localId)
    if (known !== undefined) return known
    const authors = new Map<string, Claim>()
    this.#byId.set(localId, authors)
    return authors
  }
}

/** True when the log of this epoch, or of a later one, has entries of the key. */
export function isHeldSince(claim: Claim, epoch: number): boolean {
  return claim.versions.some((version) => version.epoch >= epoch)
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
