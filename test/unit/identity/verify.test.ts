import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import {
  createEphemeralIdentity,
  publicKeyFromPeerId,
  verifySignature,
} from '../../../src/identity/index.ts'

const bytes = Buffer.from('what was signed')

describe('verifying a signature by peer ID', () => {
  it('accepts the signer and nobody else', async () => {
    const [one, two] = [await createEphemeralIdentity(), await createEphemeralIdentity()]
    const signature = one.sign(bytes)
    assert.equal(verifySignature(one.peerId, bytes, signature), true)
    assert.equal(verifySignature(one.peerId, bytes, signature), true, 'from the cache')
    assert.equal(verifySignature(two.peerId, bytes, signature), false)
    assert.equal(verifySignature(one.peerId, Buffer.from('another'), signature), false)
  })

  it('accepts what libp2p signed with the same key', async () => {
    const { peerId, privateKey } = await createEphemeralIdentity()
    assert.equal(verifySignature(peerId, bytes, await privateKey.sign(bytes)), true)
  })

  it('says no to every signature with one bit changed', async () => {
    const { peerId, sign } = await createEphemeralIdentity()
    const signature = sign(bytes)
    for (let index = 0; index < signature.length; index++) {
      const changed = Uint8Array.from(signature)
      changed[index] = (changed[index] ?? 0) ^ 0x10
      assert.equal(verifySignature(peerId, bytes, changed), false, `byte ${index}`)
    }
  })

  it('says no to malformed peer IDs and signatures without throwing', async () => {
    const { peerId, sign } = await createEphemeralIdentity()
    const signature = sign(bytes)
    const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
    const cid = peerIdFromString(peerId).toCID().toString()
    const malformed = ['', 'x', peerId.slice(1), `${peerId} `, peerId.replace('K', '0'), other, cid]
    for (const name of [...malformed, '1'.repeat(52), 'z'.repeat(52), 'x'.repeat(100_000)]) {
      assert.equal(verifySignature(name, bytes, signature), false, name.slice(0, 60))
      assert.equal(publicKeyFromPeerId(name), null)
    }
    for (const length of [0, 1, 63, 65, 1000]) {
      assert.equal(verifySignature(peerId, bytes, new Uint8Array(length)), false)
    }
  })

  it('finds the raw key in a peer ID', async () => {
    const { peerId, publicKeyRaw } = await createEphemeralIdentity()
    assert.deepEqual(publicKeyFromPeerId(peerId), publicKeyRaw)
  })
})
