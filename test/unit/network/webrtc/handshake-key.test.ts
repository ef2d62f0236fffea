import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEphemeralIdentity } from '../../../../src/identity/index.ts'
import { signHandshakeKey } from '../../../../src/network/webrtc/handshake-key.ts'

const PREFIX = 'noise-libp2p-static-key:'

test('the key of a handshake is signed with the key of the node', async () => {
  const { privateKey } = await createEphemeralIdentity()
  const bytes = Buffer.concat([Buffer.from(PREFIX), Buffer.alloc(32, 7)])
  const signature = await signHandshakeKey(privateKey, bytes)
  assert.ok(signature)
  assert.equal(await privateKey.publicKey.verify(bytes, signature), true)
})

const OTHERS: Record<string, Uint8Array> = {
  'a longer text': Buffer.concat([Buffer.from(PREFIX), Buffer.alloc(33)]),
  'a shorter text': Buffer.concat([Buffer.from(PREFIX), Buffer.alloc(31)]),
  'a text of another kind': Buffer.concat([
    Buffer.from('libp2p-peer-record:-----'),
    Buffer.alloc(32),
  ]),
  nothing: new Uint8Array(),
}
test('nothing but the key of a handshake is signed', async () => {
  const { privateKey } = await createEphemeralIdentity()
  for (const [what, bytes] of Object.entries(OTHERS)) {
    assert.equal(await signHandshakeKey(privateKey, bytes), null, what)
  }
})
