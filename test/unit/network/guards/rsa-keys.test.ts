import assert from 'node:assert/strict'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign,
} from 'node:crypto'
import { test } from 'node:test'
import { generateKeyPair, publicKeyFromRaw } from '@libp2p/crypto/keys'

import { boundRsaKeys } from '../../../../src/network/guards/rsa-keys.ts'

boundRsaKeys()
boundRsaKeys()

const DATA = Buffer.from('what is signed')

test('what a usual RSA key signed holds, and nothing else', async () => {
  const key = await generateKeyPair('RSA', 2048)
  const signature = await key.sign(DATA)
  assert.equal(await key.publicKey.verify(DATA, signature), true)
  assert.equal(await key.publicKey.verify(Buffer.from('something else'), signature), false)
})

test('what a key with a long exponent signed does not hold', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const usual = privateKey.export({ format: 'jwk' })
  const [p, q] = [numberOf(usual.p), numberOf(usual.q)]
  const phi = (p - 1n) * (q - 1n)
  let e = (1n << 2040n) | 1n
  while (inverseOf(e, phi) === null) e += 2n
  const d = inverseOf(e, phi) ?? 0n
  const long = {
    ...usual,
    e: textOf(e),
    d: textOf(d),
    dp: textOf(d % (p - 1n)),
    dq: textOf(d % (q - 1n)),
  }
  const key = createPrivateKey({ key: long, format: 'jwk' })
  const publicKey = publicKeyFromRaw(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const signature = sign('sha256', DATA, key)
  assert.equal(await publicKey.verify(DATA, signature), false)
})

function numberOf(text: JsonWebKey[string]): bigint {
  return BigInt(`0x${Buffer.from(String(text), 'base64url').toString('hex')}`)
}

function textOf(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

/** @returns null for a number that has none */
function inverseOf(value: bigint, modulus: bigint): bigint | null {
  let [a, b, x, y] = [modulus, value, 0n, 1n]
  while (b > 0n) {
    const times = a / b
    ;[a, b, x, y] = [b, a - times * b, y, x - times * y]
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : null
}
