import { createPublicKey, type KeyObject, verify } from 'node:crypto'

import { publicKeyFromPeerId } from '../../identity/index.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'

/** Whether the owner of the peer ID signed the bytes, found out off this thread. Never rejects. */
export type VerifyLater = (
  peerId: string,
  bytes: Uint8Array,
  signature: Uint8Array,
) => Promise<boolean>

/** DER around a raw Ed25519 public key (RFC 8410, SubjectPublicKeyInfo). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** About 2 KB each with OpenSSL's part; shared by all logs. */
const keys = new BoundedMap<string, KeyObject>({ limit: 1024 })

/** The verdicts of `verifySignature`, from Node's thread pool: a transfer verifies on every core. */
export const verifyLater: VerifyLater = (peerId, bytes, signature) =>
  new Promise((resolve) => {
    try {
      const key = keyOf(peerId)
      if (key === null) resolve(false)
      else verify(null, bytes, key, signature, (error, isRight) => resolve(!error && isRight))
    } catch {
      resolve(false)
    }
  })

function keyOf(peerId: string): KeyObject | null {
  const known = keys.get(peerId)
  if (known !== undefined) return known
  const raw = publicKeyFromPeerId(peerId)
  if (raw === null) return null
  const der = Buffer.concat([SPKI_PREFIX, raw])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  keys.set(peerId, key)
  return key
}
