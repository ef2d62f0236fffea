import { hash } from 'node:crypto'

const DERIVED_ID = /^wsi_([0-9a-f]{8})$/i

/** Whether an ingester ID is made from a key: `wsi_` and the first 8 hex digits of its SHA-256. */
export function isDerivedId(ingesterId: string): boolean {
  return DERIVED_ID.test(ingesterId)
}

/**
 * False for a key that an ingester's ID says is not its own. 32 bits keep accidents and idle takeovers
 * away; who computes four billion keys finds one that fits.
 * @param publicKey raw 32 bytes, base64.
 */
export function isBoundKey(ingesterId: string, publicKey: string): boolean {
  const digits = DERIVED_ID.exec(ingesterId)?.[1]
  if (digits === undefined) return true
  const digest = hash('sha256', Buffer.from(publicKey, 'base64'), 'hex')
  return digest.startsWith(digits.toLowerCase())
}
