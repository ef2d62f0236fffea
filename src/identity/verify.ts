import { type KeyObject, verify } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import { BoundedMap } from '../lib/bounded-map.ts'
import { PUBLIC_KEY_BYTES, publicKeyObject, SIGNATURE_BYTES } from './ed25519.ts'

/** Identity multihash (code 0, 36 bytes) of the protobuf PublicKey { Type: Ed25519, Data: 32 bytes }. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** A base58 Ed25519 peer ID has 52 characters; decoding is quadratic, so longer text is not tried. */
const PEER_ID_CHARACTERS = 52
/** About 2 KB each with OpenSSL's part: every author of a large network fits in 8 MB. */
const CACHED_KEYS = 4096

const keys = new BoundedMap<string, KeyObject>({ limit: CACHED_KEYS })

/**
 * The raw 32-byte Ed25519 key inside a peer ID in its canonical form (`12D3KooW...`).
 * @returns null for anything else: other key types, CIDs, malformed text.
 */
export function publicKeyFromPeerId(peerId: string): Uint8Array | null {
  if (typeof peerId !== 'string' || peerId.length !== PEER_ID_CHARACTERS) return null
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(peerId)
  } catch {
    return null
  }
  if (bytes.length !== PEER_ID_PREFIX.length + PUBLIC_KEY_BYTES) return null
  if (!PEER_ID_PREFIX.every((byte, index) => bytes[index] === byte)) return null
  return bytes.slice(PEER_ID_PREFIX.length)
}

/**
 * Whether the owner of `peerId` signed the bytes: the key is taken from the peer ID itself, native
 * Ed25519. False for anything malformed; never throws.
 */
export function verifySignature(peerId: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return false
  try {
    const key = keyOf(peerId)
    return key !== null && verify(null, bytes, key, signature)
  } catch {
    return false
  }
}

/**
 * The same verdict, found out in Node's thread pool, so that many signatures are verified on every core.
 * Never rejects.
 */
export function verifySignatureLater(
  peerId: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve) => {
    if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) {
      resolve(false)
      return
    }
    try {
      const key = keyOf(peerId)
      if (key === null) resolve(false)
      else verify(null, bytes, key, signature, (error, isRight) => resolve(!error && isRight))
    } catch {
      resolve(false)
    }
  })
}

function keyOf(peerId: string): KeyObject | null {
  const known = keys.get(peerId)
  if (known !== undefined) return known
  const raw = publicKeyFromPeerId(peerId)
  if (raw === null) return null
  const key = publicKeyObject(raw)
  keys.set(peerId, key)
  return key
}
