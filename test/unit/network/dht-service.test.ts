import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KadDHT } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import { DhtService } from '../../../src/network/dht-service.ts'
import { PEERS } from './fakes.ts'

const GOOD = '/ip4/8.8.8.8/tcp/4002'

test('an address that has no text is left out of what a walk finds, and the walk goes on', async () => {
  const id = peerIdFromString(PEERS[0])
  const multiaddrs = [multiaddr(Buffer.from('e10304f09f9880', 'hex')), multiaddr(GOOD)]
  const response = { name: 'PEER_RESPONSE', closer: [{ id, multiaddrs }] }
  const dht = new DhtService(
    {
      getClosestPeers: async function* () {
        yield response
        yield response
      },
      findPeer: async function* () {
        yield { name: 'FINAL_PEER', peer: { id, multiaddrs } }
      },
    } as unknown as KadDHT,
    false,
  )
  const { signal } = new AbortController()
  const found = { peerId: PEERS[0], addresses: [GOOD] }
  const walked = []
  for await (const peer of dht.closestPeers(new Uint8Array(32), signal)) walked.push(peer)
  assert.deepEqual(walked, [found, found])
  assert.deepEqual(await dht.findPeer(PEERS[0], signal), found)
})
