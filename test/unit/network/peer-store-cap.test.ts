import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerId } from '@libp2p/interface'

import { PeerStoreCap, type PeerStoreCapComponents } from '../../../src/network/peer-store-cap.ts'
import { silentLogger } from '../../../src/telemetry/index.ts'
import { peerIdOf } from '../../support/peer-ids.ts'

const SELF = peerIdOf('self')

/** A peer store that only knows who is in it and who has a tag. */
class FakeStore extends EventTarget {
  readonly peers = new Set<string>()
  readonly tagged = new Set<string>()
  readonly connected = new Set<string>()
  readonly shunned = new Set<string>()
  forgotten = 0
  asked = 0
  readonly cap: PeerStoreCap

  constructor(maxPeers: number) {
    super()
    this.cap = new PeerStoreCap({ self: SELF, maxPeers }, {
      peerStore: {
        get: async (peer: PeerId) => {
          this.asked++
          return { tags: new Map(this.tagged.has(String(peer)) ? [['tag', {}]] : []) }
        },
        delete: async (peer: PeerId) => void this.peers.delete(String(peer)),
      },
      events: this,
      isConnected: (peerId: string) => this.connected.has(peerId),
      isShunned: (peerId: string) => this.shunned.has(peerId),
      logger: silentLogger,
      metrics: { peersForgotten: (count: number) => (this.forgotten += count) },
    } as unknown as PeerStoreCapComponents)
  }

  mention(id: string): void {
    this.peers.add(id)
    this.dispatchEvent(new CustomEvent('peer:update', { detail: { peer: { id } } }))
  }
}

test('ten thousand peers that somebody mentions stay within the cap', async () => {
  const store = new FakeStore(500)
  let most = 0
  for (let n = 0; n < 10_000; n++) {
    store.mention(peerIdOf(`${n}`))
    most = Math.max(most, store.peers.size)
    if (n % 20 === 0) await store.cap.settled()
  }
  await store.cap.settled()
  assert.ok(store.peers.size <= 500, `${store.peers.size} left`)
  assert.ok(most <= 520, `${most} at most`)
  assert.equal(store.forgotten, 10_000 - store.peers.size)
  assert.equal(store.cap.count, store.peers.size)
  assert.ok(store.peers.has(peerIdOf('9999')) && !store.peers.has(peerIdOf('0')))
})

test('a purge leaves turns of the event loop to others', async () => {
  const store = new FakeStore(1000)
  for (let n = 0; n <= 1000; n++) store.mention(peerIdOf(`${n}`))
  let isOver = false
  void store.cap.settled().then(() => {
    isOver = true
  })
  let turns = 0
  for (; !isOver; turns++) await new Promise(setImmediate)
  assert.equal(store.forgotten, 101)
  assert.ok(turns >= 6, `${turns} turns`)
})

test('who is shunned goes with its last connection, others stay', async () => {
  const store = new FakeStore(10)
  const [enemy, honest, other] = [peerIdOf('enemy'), peerIdOf('honest'), peerIdOf('other enemy')]
  store.shunned.add(enemy).add(other)
  for (const id of [enemy, honest, other]) {
    store.mention(id)
    store.dispatchEvent(new CustomEvent('peer:disconnect', { detail: id }))
  }
  await new Promise(setImmediate)
  assert.deepEqual([...store.peers], [honest])
  assert.equal(store.cap.count, 1)
})

test('who is connected or tagged stays, and so does this node itself', async () => {
  const store = new FakeStore(10)
  const [connected, tagged] = [peerIdOf('connected'), peerIdOf('tagged')]
  store.connected.add(connected)
  store.tagged.add(tagged)
  for (const id of [SELF, connected, tagged]) store.mention(id)
  for (let n = 0; n < 100; n++) {
    store.mention(peerIdOf(`${n}`))
    await store.cap.settled()
  }
  assert.ok([connected, tagged, SELF].every((id) => store.peers.has(id)))
  assert.ok(store.peers.size <= 11)
})
