import { createPrivateKey, createPublicKey } from 'node:crypto'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'

import { type Identity, identityFromKey } from '../../src/identity/identity.ts'

/** PKCS #8 of an Ed25519 key up to its seed (RFC 8410). */
const KEY_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The same 32 bytes make the same identity. */
export function seededIdentity(seed: Uint8Array): Identity {
  const der = Buffer.concat([KEY_PREFIX, seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicRaw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const privateKey = privateKeyFromRaw(Buffer.concat([seed, publicRaw]))
  if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
  return identityFromKey(privateKey)
}
