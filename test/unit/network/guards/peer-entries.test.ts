import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerData, PeerStore } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { boundPeerEntries } from '../../../../src/network/guards/peer-entries.ts'
import { PEERS } from '../fakes.ts'

const [SELF, PEER] = PEERS.slice(0, 2).map((id) => peerIdFromString(id)) as [
  ReturnType<typeof peerIdFromString>,
  ReturnType<typeof peerIdFromString>,
]

function guarded() {
  const stored: PeerData[] = []
  const keep = async (_peer: unknown, data: PeerData) => void stored.push(data)
  const peerStore = { patch: keep, merge: keep } as unknown as PeerStore
  boundPeerEntries(peerStore, SELF)
  return { stored, peerStore }
}

const MANY = Array.from({ length: 20_000 }, (_, index) => `/${index}`)

test('of what a peer says of itself a bounded part is kept, by either way', async () => {
  const { stored, peerStore } = guarded()
  const said: PeerData = {
    protocols: [`/${'x'.repeat(5_000)}`, ...MANY],
    metadata: { AgentVersion: new Uint8Array(60_000), gone: undefined },
    multiaddrs: MANY.slice(0, 300).map((_, index) => multiaddr(`/ip4/192.0.2.1/tcp/${index + 1}`)),
  }
  await peerStore.patch(PEER, said)
  await peerStore.merge(PEER, said)
  for (const { protocols, metadata, multiaddrs } of stored) {
    assert.equal(multiaddrs?.length, 32)
    assert.deepEqual(protocols, MANY.slice(0, 128))
    assert.equal(Reflect.get(metadata ?? {}, 'AgentVersion').byteLength, 256)
    assert.ok('gone' in (metadata ?? {}))
  }
  assert.equal(stored.length, 2)
})

test('a signed record longer than is passed on is not kept', async () => {
  const { stored, peerStore } = guarded()
  const record = { peerRecordEnvelope: new Uint8Array(4_096) }
  await peerStore.patch(PEER, record)
  await peerStore.patch(PEER, { peerRecordEnvelope: new Uint8Array(4_097) })
  await peerStore.merge(PEER, { peerRecordEnvelope: new Uint8Array(4_097) })
  assert.deepEqual(stored, [record, {}, {}])
})

test('what it says nothing of is left alone, and so is our own entry', async () => {
  const { stored, peerStore } = guarded()
  await peerStore.patch(PEER, { tags: {} })
  await peerStore.merge(SELF, { protocols: MANY })
  assert.deepEqual(stored, [{ tags: {} }, { protocols: MANY }])
})
