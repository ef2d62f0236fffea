import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { type NoiseComponents, type NoiseExtensions, noise } from '@chainsafe/libp2p-noise'
import type { ConnectionEncrypter } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

import { isFunction, isObject, libraryMember, NetworkError } from './errors.ts'
import { keepCompact } from './guards/compact-list.ts'
import { guardNegotiation, guardPieces } from './guards/endless-lengths.ts'
import { gatherWrites } from './socket-writes.ts'

type Encrypter = ConnectionEncrypter<NoiseExtensions>
type Secure = Encrypter['secureInbound']
type Bytes = Uint8Array | Uint8ArrayList
/** The library's cipher: `seal(plaintext, nonce, associated data, key)` and the same to open. */
type Cipher = (bytes: Bytes, nonce: Uint8Array, ad: Uint8Array, key: Uint8Array) => Bytes

const ALGORITHM = 'chacha20-poly1305'
const TAG = { authTagLength: 16 }
/** Below it the library's WebAssembly is quicker. */
const NATIVE_FROM_BYTES = 1_200

/**
 * Noise with less work for each message, same bytes on the wire. @chainsafe/libp2p-noise 17.0 hands its key to
 * Node 24 as bytes, of which Node makes a key object each time (20 µs of a message's 70), copies each message
 * before it is opened, and its parts are written to the socket one system call each. Can go when it does not.
 */
export function leanNoise(): (components: NoiseComponents) => Encrypter {
  const create = noise()
  return (components) => {
    const encrypter = create(components)
    useKeyObjects(libraryMember(encrypter, 'crypto', isObject))
    const secureInbound = encrypter.secureInbound.bind(encrypter)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    const secure =
      (wrapped: Secure): Secure =>
      async (connection, options) => {
        const isOver = guardPieces(connection)
        const secured = await wrapped(connection, options).finally(isOver)
        openWithoutCopy(secured.connection)
        // Else its muxer is agreed upon already.
        if (secured.streamMuxer == null) guardNegotiation(secured.connection)
        gatherCompactly(secured.connection)
        gatherWrites(connection)
        return secured
      }
    encrypter.secureInbound = secure(secureInbound)
    encrypter.secureOutbound = secure(secureOutbound)
    return encrypter
  }
}

function useKeyObjects(crypto: object): void {
  const sealSmall = libraryMember(crypto, 'encrypt', isCipher)
  const openSmall = libraryMember(crypto, 'decrypt', isCipher)
  const keys = new WeakMap<Uint8Array, KeyObject>()
  const keyOf = (bytes: Uint8Array): KeyObject => {
    const known = keys.get(bytes)
    if (known !== undefined) return known
    const key = createSecretKey(bytes)
    keys.set(bytes, key)
    return key
  }
  const seal: Cipher = (plaintext, nonce, ad, key) => {
    if (plaintext.byteLength < NATIVE_FROM_BYTES) return sealSmall(plaintext, nonce, ad, key)
    const cipher = createCipheriv(ALGORITHM, keyOf(key), nonce, TAG)
    cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
    const sealed = new Uint8ArrayList()
    for (const part of partsOf(plaintext)) sealed.append(cipher.update(part))
    cipher.final()
    sealed.append(cipher.getAuthTag())
    return sealed
  }
  const open: Cipher = (sealed, nonce, ad, key) => {
    if (sealed.byteLength < NATIVE_FROM_BYTES) return openSmall(sealed, nonce, ad, key)
    const textBytes = sealed.byteLength - TAG.authTagLength
    const decipher = createDecipheriv(ALGORITHM, keyOf(key), nonce, TAG)
    decipher.setAAD(ad, { plaintextLength: textBytes })
    decipher.setAuthTag(sealed.subarray(textBytes))
    const opened = new Uint8ArrayList()
    const text =
      sealed instanceof Uint8Array ? sealed.subarray(0, textBytes) : sealed.sublist(0, textBytes)
    for (const part of partsOf(text)) opened.append(decipher.update(part))
    // Throws for what was tampered with: nothing of it has been handed on.
    decipher.final()
    return opened
  }
  Reflect.set(crypto, 'encrypt', seal)
  Reflect.set(crypto, 'decrypt', open)
}

/** The decoder yields whole messages, of which none is longer than noise allows: no loop, and no room to copy to. */
function openWithoutCopy(connection: object): void {
  const handshake = libraryMember(connection, 'handshake', isObject)
  const decrypt = libraryMember(handshake, 'decrypt', isFunction)
  libraryMember(connection, 'decrypt', isFunction)
  Reflect.set(connection, 'decrypt', (message: Bytes): unknown => {
    if (message.byteLength < TAG.authTagLength) {
      throw new NetworkError('STREAM_REFUSED', 'a message is shorter than its tag')
    }
    return Reflect.apply(decrypt, handshake, [message])
  })
}

/** A message may come byte by byte, as frames of a WebSocket do. */
function gatherCompactly(connection: object): void {
  const decoder = libraryMember(connection, 'decoder', isObject)
  keepCompact(libraryMember(decoder, 'buffer', isObject))
}

function partsOf(bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes
}

function isCipher(value: unknown): value is Cipher {
  return isFunction(value)
}
