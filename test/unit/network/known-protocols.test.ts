import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import type { Host } from '../../../src/network/host.ts'
import { connect, startHost } from '../../support/host.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Two hosts that know each other, and how often the first one's peer store merges from then on. */
async function acquainted(
  t: TestContext,
): Promise<{ one: Host; other: Host; merges: () => number }> {
  // A DHT tags its peers in the store.
  const [one, other] = [await startHost(t, { dht: null }), await startHost(t, { dht: null })]
  await connect(one, other)
  await waitFor(
    async () => {
      const peer = await one.libp2p.peerStore.get(other.libp2p.peerId)
      return peer.protocols.includes(one.names.ping)
    },
    { message: 'identify is done' },
  )
  const store: unknown = Reflect.get(one.libp2p.peerStore, 'store')
  assert.ok(typeof store === 'object' && store !== null)
  const merge = Reflect.get(store, 'merge')
  let count = 0
  Reflect.set(store, 'merge', (...args: unknown[]) => {
    count += 1
    return Reflect.apply(merge, store, args)
  })
  return { one, other, merges: () => count }
}

test('a stream of a protocol that the peer named is no news to the peer store', async (t) => {
  const { one, merges } = await acquainted(t)
  const [connection] = one.libp2p.getConnections()
  assert.ok(connection)
  for (let i = 0; i < 3; i += 1) {
    const stream = await connection.newStream(one.names.ping)
    stream.abort(new Error('opened'))
  }
  assert.equal(merges(), 0)
})

test('a protocol that the peer has not named is kept, and addresses are', async (t) => {
  const { one, other, merges } = await acquainted(t)
  const { peerStore } = one.libp2p
  await peerStore.merge(other.libp2p.peerId, { protocols: ['/new/1'] })
  assert.equal(merges(), 1)
  assert.ok((await peerStore.get(other.libp2p.peerId)).protocols.includes('/new/1'))
  await peerStore.merge(other.libp2p.peerId, { protocols: ['/new/1'], multiaddrs: [] })
  assert.equal(merges(), 2)
})

test('of a peer that left nothing is taken as known', async (t) => {
  const { one, other, merges } = await acquainted(t)
  one.disconnect(other.peerId)
  await waitFor(() => one.peers().length === 0, { message: 'the peer is gone' })
  await one.libp2p.peerStore.merge(other.libp2p.peerId, { protocols: [one.names.ping] })
  assert.equal(merges(), 1)
})
