import { type Claim, isHeldSince } from './claim.ts'
import type { RecordValue, RegistryRecord } from './types.ts'

/** Of the claims on one local id the record that counts; null when all are deleted. */
export function resolve(claims: Iterable<Claim>): RegistryRecord | null {
  let best: Claim | null = null
  for (const claim of claims) best = better(best, claim)
  return best?.record ?? null
}

/** Of two claims on one local id the one that counts; a deleted one never does. */
export function better(best: Claim | null, claim: Claim): Claim | null {
  if (claim.record === null) return best
  return best === null || isEarlier(claim, best) ? claim : best
}

function isEarlier(claim: Claim, than: Claim): boolean {
  const isNamesake = ownsItsName(claim.record)
  if (isNamesake !== ownsItsName(than.record)) return isNamesake
  if (claim.firstMs !== than.firstMs) return claim.firstMs < than.firstMs
  return (claim.record?.author ?? '') < (than.record?.author ?? '')
}

/** Those that are not deleted. */
export function recordsOf<T extends RecordValue>(claims: Iterable<Claim>): RegistryRecord<T>[] {
  const records: RegistryRecord<T>[] = []
  for (const { record } of claims) if (record !== null) records.push(asKind<T>(record))
  return records
}

/** Those that only logs before this epoch have. */
export function recordsBefore(epoch: number, claims: readonly (Claim | null)[]): RegistryRecord[] {
  return recordsOf(
    claims.flatMap((claim) => (claim === null || isHeldSince(claim, epoch) ? [] : claim)),
  )
}

/** True for a record that a peer wrote under its own peer ID. */
export function ownsItsName(record: RegistryRecord | null): boolean {
  return record !== null && record.localId === record.author
}

/** The database decides the kind of its records; the caller names both. */
export function asKind<T extends RecordValue>(record: RegistryRecord): RegistryRecord<T> {
  return record as RegistryRecord<T>
}
