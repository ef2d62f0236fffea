import { sign } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { privateKeyObject, SEED_BYTES } from './ed25519.ts'

/** Who this node is: one Ed25519 key for the libp2p host and for every registry entry. */
export interface Identity {
  /** Base58btc, `12D3KooW...`. */
  readonly peerId: string
  readonly privateKey: Ed25519PrivateKey
  /** 32 bytes. */
  readonly publicKeyRaw: Uint8Array
  /** @returns the 64-byte Ed25519 signature of the bytes. */
  sign(bytes: Uint8Array): Uint8Array
}

/** Wraps a key; the native key object is made once, so a signature costs no parsing. */
export function identityFromKey(privateKey: Ed25519PrivateKey): Identity {
  const key = privateKeyObject(privateKey.raw.subarray(0, SEED_BYTES))
  return {
    peerId: peerIdFromPrivateKey(privateKey).toString(),
    privateKey,
    publicKeyRaw: privateKey.publicKey.raw,
    sign: (bytes) => Uint8Array.from(sign(null, bytes, key)),
  }
}

/** A new identity that lives in memory only: for tests and throw-away nodes. */
export async function createEphemeralIdentity(): Promise<Identity> {
  return identityFromKey(await generateKeyPair('Ed25519'))
}
