import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { openPageRecord, sealOwnRecord } from '../../../src/client/own-record.ts'
import { LIMIT_RECORD_BYTES } from '../../../src/wire/pages.ts'
import { forgePeer } from '../network/discovery/exchange-fakes.ts'
import { PEERS } from '../network/fakes.ts'

const [RELAY] = PEERS
const CIRCUIT = `/ip4/192.0.2.1/tcp/4003/ws/p2p/${RELAY}/p2p-circuit`

test('what a page signs, another one reads', async () => {
  const key = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(key)
  const addresses = [CIRCUIT, `${CIRCUIT}/webrtc`].map((one) => multiaddr(one))
  const record = await openPageRecord(await sealOwnRecord(peerId, key, addresses))
  const { seq, ...rest } = record ?? { seq: 0n }
  assert.deepEqual(rest, { peerId: peerId.toString(), relays: [RELAY], hasWebRtc: true })
  assert.ok(seq > 0n)
})

test('however many addresses a page has, its record is one that is passed on', async () => {
  const key = await generateKeyPair('Ed25519')
  const long = `/dns/${'a'.repeat(60)}.${'b'.repeat(60)}.example/tcp/4003/tls/ws/p2p/${RELAY}/p2p-circuit`
  const addresses = new Array(40).fill(multiaddr(long))
  const sealed = await sealOwnRecord(peerIdFromPrivateKey(key), key, [
    ...addresses,
    multiaddr(`${CIRCUIT}/webrtc`),
  ])
  assert.ok(sealed.length <= LIMIT_RECORD_BYTES, `${sealed.length}`)
  assert.equal((await openPageRecord(sealed))?.hasWebRtc, true)
})

test('what a key signed that nodes pass nothing on of is no record', async () => {
  const key = await generateKeyPair('secp256k1')
  const sealed = await sealOwnRecord(peerIdFromPrivateKey(key), key, [multiaddr(CIRCUIT)])
  assert.equal(await openPageRecord(sealed), null)
})

test('what its subject did not sign is no record', async () => {
  assert.equal(await openPageRecord(await forgePeer()), null)
  assert.equal(await openPageRecord(new Uint8Array(20)), null)
})
