import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { publicKeyFromSeed, SEED_BYTES } from './ed25519.ts'
import { type Identity, identityFromKey } from './identity.ts'

/** First words of an exported key file; the version is that of the text around the base64. */
const HEADER = 'wesense-node identity v1'
/** The longest key file that is read: a text export has about 300 bytes. */
export const KEY_FILE_LIMIT_BYTES = 16_384

export type ParsedKey =
  | { readonly isOk: true; readonly identity: Identity }
  | { readonly isOk: false; readonly reason: 'not-ed25519' | 'malformed'; readonly detail: string }

/** The libp2p protobuf `PrivateKey` message, as `peer.key` holds it. */
export function keyToProtobuf(key: Ed25519PrivateKey): Uint8Array {
  return privateKeyToProtobuf(key)
}

/** Parses the protobuf and proves that its public half belongs to its private half. */
export function parseKeyProtobuf(bytes: Uint8Array): ParsedKey {
  let key: ReturnType<typeof privateKeyFromProtobuf>
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch {
    // The library says where its decoder stumbled, which helps nobody who holds the wrong file.
    return malformed('it holds neither a private key nor the text that "identity export" writes')
  }
  if (key.type !== 'Ed25519') {
    return { isOk: false, reason: 'not-ed25519', detail: `it is a ${key.type} key` }
  }
  const derived = publicKeyFromSeed(key.raw.subarray(0, SEED_BYTES))
  if (!Buffer.from(derived).equals(key.publicKey.raw)) {
    return malformed('its public half does not belong to its private half')
  }
  return { isOk: true, identity: identityFromKey(key) }
}

/** Text that a person can store and `identity import` reads back: header, warning, base64 protobuf. */
export function keyToText(identity: Identity): string {
  const base64 = Buffer.from(keyToProtobuf(identity.privateKey)).toString('base64')
  return [
    `${HEADER} ${identity.peerId}`,
    '# Secret: whoever has these lines is this peer. Read back by: wesense-node identity import FILE',
    ...(base64.match(/.{1,64}/g) ?? []),
    '',
  ].join('\n')
}

/** Reads any form a key comes in: exported text, raw protobuf, or its bare base64. */
export function parseKeyFile(bytes: Uint8Array): ParsedKey {
  const text = Buffer.from(bytes).toString('latin1')
  if (text.startsWith(HEADER)) return parseText(text)
  const raw = parseKeyProtobuf(bytes)
  if (raw.isOk || raw.reason === 'not-ed25519') return raw
  const base64 = decodeBase64(text)
  return base64 === null ? raw : parseKeyProtobuf(base64)
}

function parseText(text: string): ParsedKey {
  const [first = '', ...rest] = text.split(/\r?\n/)
  const peerId = first.slice(HEADER.length).trim()
  const base64 = decodeBase64(rest.filter((line) => !line.startsWith('#')).join(''))
  if (base64 === null) return malformed('the lines after the header are not base64')
  const parsed = parseKeyProtobuf(base64)
  if (parsed.isOk && peerId !== '' && parsed.identity.peerId !== peerId) {
    return malformed(
      `the header names ${peerId.slice(0, 64)}, the key is ${parsed.identity.peerId}`,
    )
  }
  return parsed
}

function decodeBase64(text: string): Uint8Array | null {
  const compact = text.replace(/\s+/g, '')
  return /^[A-Za-z0-9+/]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64') : null
}

function malformed(detail: string): ParsedKey {
  return { isOk: false, reason: 'malformed', detail }
}
