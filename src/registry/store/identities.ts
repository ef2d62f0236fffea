import { hash } from 'node:crypto'

import type { OrbitIdentity } from '@orbitdb/core'

import { type Identity, verifySignature } from '../../identity/index.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import type { VerifySignature } from './entry-rules.ts'

/**
 * Remembers signatures that were right, at the cost of a hash, a fortieth of a verification: one entry may be
 * carried by many stations, each of which brings it again.
 */
export function createCachedVerify(verify: VerifySignature = verifySignature): VerifySignature {
  const known = new BoundedMap<string, true>({ limit: 2048 })
  return (peerId, bytes, signature) => {
    const digest = hash('sha256', bytes, 'base64')
    const key = `${peerId} ${Buffer.from(signature).toString('base64')} ${digest}`
    if (known.has(key)) return true
    if (!verify(peerId, bytes, signature)) return false
    known.set(key, true)
    return true
  }
}

/**
 * OrbitDB's identity, made of the node's own: the author is the peer ID and the signature is the
 * node's Ed25519 key, in hex (128 characters, one spelling). There is no identity block to fetch and
 * nothing beside the key that could be spoofed.
 */
export function orbitIdentity(identity: Identity): OrbitIdentity {
  return {
    id: identity.peerId,
    publicKey: identity.peerId,
    hash: identity.peerId,
    sign: async (_, bytes) => Buffer.from(identity.sign(bytes)).toString('hex'),
    verify: async (signature, author, bytes) =>
      verifySignature(author, bytes, Buffer.from(signature, 'hex')),
  }
}
