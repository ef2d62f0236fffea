import { invalidField } from '../errors.ts'
import type { TrustKeyVersion } from '../types.ts'

type Versions = Readonly<Record<string, TrustKeyVersion>>

/**
 * Adds what is stated now to what the same author stated before. A key that is stated again keeps the
 * time it was added; a revocation is final for its version, and so is a key: whoever verified with it
 * looks it up by its number. Merging twice changes nothing.
 * @throws RegistryError `INVALID_RECORD` when a version is to get another key, or a revoked one.
 */
export function mergeKeyVersions(current: Versions, stated: Versions): Versions {
  const merged = new Map(Object.entries(current))
  for (const [version, statement] of Object.entries(stated)) {
    const before = merged.get(version)
    merged.set(version, before === undefined ? statement : mergeOne(version, before, statement))
  }
  refuseRevokedAnew(merged, stated)
  return Object.fromEntries(merged)
}

/** A revoked key is revoked under whatever number: it would count for nobody. */
function refuseRevokedAnew(merged: ReadonlyMap<string, TrustKeyVersion>, stated: Versions): void {
  const revoked = new Map<string, string>()
  for (const [version, { public_key, status }] of merged) {
    if (status === 'revoked') revoked.set(public_key, version)
  }
  for (const version of Object.keys(stated)) {
    const key = merged.get(version)
    const other = key?.status === 'active' ? revoked.get(key.public_key) : undefined
    if (other === undefined) continue
    throw invalidField(`versions.${version}`, `has the key that was revoked as version ${other}`)
  }
}

function mergeOne(
  version: string,
  before: TrustKeyVersion,
  statement: TrustKeyVersion,
): TrustKeyVersion {
  if (before.public_key !== statement.public_key) {
    const problem = `has another key, which is ${before.status}; a new key needs a new version`
    throw invalidField(`versions.${version}`, problem)
  }
  return before.status === 'revoked' ? before : { ...statement, added: before.added }
}

/** Every version revoked at `now`, those already revoked unchanged. */
export function revokeAll(versions: Versions, now: string): Versions {
  return Object.fromEntries(
    Object.entries(versions).map(([version, key]): [string, TrustKeyVersion] => [
      version,
      key.status === 'revoked' ? key : { ...key, status: 'revoked', revoked_at: now },
    ]),
  )
}
