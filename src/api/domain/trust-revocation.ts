import type { KeyVersions, TrustKeyVersion } from '../../registry/types.ts'

/**
 * What an authority writes to revoke every key that counts: each under its number, or under the next
 * free one where this station gave that number another key. Keys it stated before are found by the key.
 * @param own what this station stated so far
 */
export function revocationOf(counting: KeyVersions, own: KeyVersions): KeyVersions {
  const numbers = new Map(Object.entries(own).map(([version, key]) => [key.public_key, version]))
  const revoked = new Map<string, TrustKeyVersion>()
  for (const [version, key] of Object.entries(own)) revoked.set(version, toRevoked(key))
  for (const [version, key] of Object.entries(counting)) {
    if (numbers.has(key.public_key)) continue
    const number = revoked.has(version) ? nextFree(revoked.keys()) : version
    numbers.set(key.public_key, number)
    revoked.set(number, toRevoked(key))
  }
  return Object.fromEntries(revoked)
}

/** The time is the registry's to write, unless it was revoked before. */
function toRevoked(key: TrustKeyVersion): TrustKeyVersion {
  return { ...key, status: 'revoked' }
}

function nextFree(versions: Iterable<string>): string {
  return String(Math.max(...[...versions].map(Number)) + 1)
}
