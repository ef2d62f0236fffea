import { invalidField } from '../errors.ts'
import type { AttestationRecord, RegistryRecord, TrustKeyVersion } from '../types.ts'

type Versions = Readonly<Record<string, TrustKeyVersion>>

/**
 * Adds what is stated now to what the same author stated before. A key that is stated again keeps the
 * time it was added; a revocation is final for its version. Merging twice changes nothing.
 * @throws RegistryError `INVALID_RECORD` when a revoked version is to get another key.
 */
export function mergeKeyVersions(current: Versions, stated: Versions): Versions {
  const merged = new Map(Object.entries(current))
  for (const [version, statement] of Object.entries(stated)) {
    const before = merged.get(version)
    merged.set(version, before === undefined ? statement : mergeOne(version, before, statement))
  }
  return Object.fromEntries(merged)
}

function mergeOne(
  version: string,
  before: TrustKeyVersion,
  statement: TrustKeyVersion,
): TrustKeyVersion {
  const isSameKey = before.public_key === statement.public_key
  if (before.status === 'revoked') {
    if (isSameKey) return before
    throw invalidField(`versions.${version}`, 'is revoked; a new key needs a new version')
  }
  return isSameKey ? { ...statement, added: before.added } : statement
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

/** The ingesters that attest to one manifest, each once, however many stations carry its word. */
export function attestersOf(
  records: Iterable<RegistryRecord<AttestationRecord>>,
  manifestHash: string,
): string[] {
  const attesters = new Set<string>()
  for (const { value } of records) {
    if (value.manifest_hash === manifestHash) attesters.add(value.ingester_id)
  }
  return [...attesters].sort()
}
