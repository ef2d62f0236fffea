/** Limits of the HTTP contract, the same for records that come from peers. */
export const RECORD_LIMITS = {
  idChars: 256,
  /** `<manifest_hash>,<ingester_id>` is the longest local id. */
  localIdChars: 513,
  stringChars: 4096,
  publicKeyChars: 512,
  keyVersions: 20,
  labels: 50,
  labelChars: 64,
  /** Free-form JSON (`capabilities`): values in all, and levels. */
  jsonValues: 100,
  jsonDepth: 4,
  /** Names of unknown fields that are reported back. */
  ignoredNames: 32,
} as const

/**
 * Safe in a URL path, a log line and as a map key; never `__proto__`. A slash would make the key
 * `<author>/<local id>` ambiguous, and a comma is what stands between two ids.
 */
const ID = /^[A-Za-z0-9][A-Za-z0-9:._@+~-]*$/
const LOCAL_ID = /^[A-Za-z0-9][A-Za-z0-9:._@+~,-]*$/

export function isLocalId(text: string): boolean {
  return text.length <= RECORD_LIMITS.localIdChars && LOCAL_ID.test(text)
}

export function isId(text: string): boolean {
  return text.length <= RECORD_LIMITS.idChars && ID.test(text)
}
