import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import type { HeliaWithLibp2p } from '@helia/libp2p'
import type { PeerId, ServiceMap } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { systemClock } from '../../src/lib/clock.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { startHelia } from '../../src/registry/replication/bitswap-helia.ts'
import { createJudgedBlockstore } from '../../src/registry/replication/judged-blockstore.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { bytesField, framed } from '../support/bitswap-message.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/ipfs/bitswap/1.2.0'
/** CIDv1, raw, sha2-256, of nothing that anybody has. */
const CID_BYTES = Buffer.concat([Buffer.of(1, 0x55, 0x12, 32), Buffer.alloc(32, 7)])
const WANT = bytesField(1, bytesField(1, bytesField(1, CID_BYTES)))

/** What the tests look at of the library. */
interface Bitswap {
  readonly network: { safeDispatchEvent(type: string, event: { detail: unknown }): void }
  readonly wantList: { readonly peers: { readonly size: number } }
  readonly peerWantLists: {
    peers(): PeerId[]
    wantListForPeer(peer: PeerId): { readonly cid: CID }[] | undefined
  }
}

/** A station with bitswap, and a peer that says it has it. */
async function startPair(t: TestContext) {
  const [host, peer] = [await startHost(t, { dht: null }), await startHost(t, { dht: null })]
  const { libp2p } = host
  const blocks = new BlockStore({ level: new MemoryByteStore(), onDamaged: () => {} })
  const blockstore = createJudgedBlockstore(blocks)
  const parts = { libp2p, blockstore, clock: systemClock }
  const helia = await startHelia(hostLimits(512).bitswap, parts)
  t.after(() => helia.stop())
  const bitswap = bitswapOf(helia)
  await peer.libp2p.handle(PROTOCOL, () => {})
  await connect(peer, host)
  const [connection] = peer.libp2p.getConnections()
  assert.ok(connection)
  await waitFor(() => bitswap.wantList.peers.size === 1, { message: 'the peer is known' })
  return { host, peer, connection, bitswap }
}

function bitswapOf(helia: HeliaWithLibp2p<ServiceMap>): Bitswap {
  const [broker]: { bitswap: Bitswap }[] = Reflect.get(helia, 'blockBrokers')
  assert.ok(broker)
  return broker.bitswap
}

test('a want holds its CID, and not the message that it came in', async (t) => {
  const { peer, connection, bitswap } = await startPair(t)
  const stream = await connection.newStream(PROTOCOL)
  stream.send(framed(WANT, bytesField(3, bytesField(2, Buffer.alloc(100_000)))))
  const wants = () => bitswap.peerWantLists.wantListForPeer(peer.libp2p.peerId) ?? []
  await waitFor(() => wants().length === 1, { message: 'the want is known' })
  for (const { cid } of wants()) {
    assert.deepEqual(Buffer.from(cid.bytes), CID_BYTES)
    assert.ok(cid.multihash.bytes.buffer.byteLength <= 64, 'it is a view of something larger')
  }
})

test('a peer that says it has no bitswap, uses it on and leaves is forgotten', async (t) => {
  const { peer, connection, bitswap } = await startPair(t)
  const ledgers = () => bitswap.peerWantLists.peers().length
  const stream = await connection.newStream(PROTOCOL)
  stream.send(framed(WANT))
  await waitFor(() => ledgers() === 1, { message: 'its want is known' })
  await peer.libp2p.unhandle(PROTOCOL)
  await waitFor(() => ledgers() === 0, { message: 'it is forgotten with its protocol' })
  stream.send(framed(WANT))
  await waitFor(() => ledgers() === 1, { message: 'it is known again' })
  await peer.stop()
  await waitFor(() => ledgers() === 0, { message: 'it is forgotten', timeoutMs: 2000 })
})

test('a peer that is gone is not remembered because of what is heard of it late', async (t) => {
  const { host, peer, bitswap } = await startPair(t)
  const { peerId } = peer.libp2p
  const [connection] = host.libp2p.getConnections()
  await peer.stop()
  await waitFor(() => bitswap.wantList.peers.size === 0, { message: 'it is forgotten' })
  const message = { blocks: [], blockPresences: [], wantlist: { entries: [] } }
  bitswap.network.safeDispatchEvent('bitswap:message', { detail: { connection, message } })
  bitswap.network.safeDispatchEvent('peer:connected', { detail: peerId })
  assert.deepEqual([bitswap.peerWantLists.peers(), bitswap.wantList.peers.size], [[], 0])
})
