import type { RegistryRecord } from './types.ts'

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

/**
 * True when the log of this epoch, or of a later one, has the entry that counts. Another of the key is not
 * enough: anyone can carry an old statement there, and the later one would be thought safe.
 */
export function isHeldSince(claim: Claim, epoch: number): boolean {
  return claim.versions.some((version) => version.epoch >= epoch && version.hash === claim.hash)
}

/** The claim as the logs have it, without previews; null when it is in none. */
export function asHeld(claim: Claim): Claim | null {
  if (claim.versions.every(({ epoch }) => epoch >= 0)) return claim
  const [first, ...others] = claim.versions.filter(({ epoch }) => epoch >= 0)
  return first === undefined ? null : toClaim(first, others)
}

export function isHeldSomewhere(versions: readonly Version[]): boolean {
  return versions.some(({ epoch }) => epoch >= 0)
}

/** The clock of the earliest put in the logs of this epoch and later ones. */
export function firstSince(claim: Claim, epoch: number): number {
  const since = claim.versions.filter((version) => version.epoch >= epoch)
  return Math.min(...since.map(({ firstMs }) => firstMs))
}

export function toClaim(first: Version, others: readonly Version[]): Claim {
  let latest = first
  let { firstMs } = first
  for (const version of others) {
    if (isLater(version.clockMs, version.hash, latest)) latest = version
    firstMs = Math.min(firstMs, version.firstMs)
  }
  const { record, clockMs, hash } = latest
  return { record, clockMs, hash, firstMs, versions: [first, ...others] }
}

export function isLater(clockMs: number, hash: string, than: Version): boolean {
  return clockMs === than.clockMs ? hash > than.hash : clockMs > than.clockMs
}
