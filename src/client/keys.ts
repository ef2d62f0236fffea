import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

import { ClientError } from './errors.ts'

/** A key that a page keeps, so that its peer ID is the same after a reload. @returns base64, 92 characters */
export async function newKey(): Promise<string> {
  const bytes = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  return btoa(String.fromCharCode(...bytes))
}

/**
 * @param given what `newKey` returned, or an Ed25519 key of libp2p: nodes tell of no peer with another; null makes a
 * new one
 * @throws ClientError BAD_OPTION
 */
export async function readKey(given: PrivateKey | string | null): Promise<PrivateKey> {
  const key = given === null ? await generateKeyPair('Ed25519') : decodeKey(given)
  if (key.type === 'Ed25519') return key
  throw new ClientError(
    'BAD_OPTION',
    `privateKey is a key of ${key.type}, and has to be of Ed25519`,
  )
}

function decodeKey(given: PrivateKey | string): PrivateKey {
  if (typeof given !== 'string') return given
  try {
    return privateKeyFromProtobuf(Uint8Array.from(atob(given), (one) => one.charCodeAt(0)))
  } catch {
    // The key itself must not stand in a message.
    throw new ClientError('BAD_OPTION', 'privateKey is no key that newKey() returned')
  }
}
