import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromMultihash, peerIdFromPublicKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { identity } from 'multiformats/hashes/identity'

import { isObject, libraryMember } from '../../src/network/errors.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const LIMITS = hostLimits(1_024)

async function mention(host: Host, address = '/ip4/8.8.8.8/tcp/4002') {
  const peer = peerIdFromPublicKey(publicKeyFromRaw(randomBytes(32)))
  await host.libp2p.peerStore.merge(peer, { multiaddrs: [multiaddr(address)] })
  return peer
}

interface Store {
  put(key: unknown, value: unknown): unknown
}

function isStore(value: unknown): value is Store {
  return isObject(value) && 'put' in value
}

test('peers that somebody mentions stay within the cap, in the store itself', async (t) => {
  const knownPeers = { ...LIMITS.knownPeers, maxPeers: 50 }
  const host = await startHost(t, { limits: { ...LIMITS, knownPeers }, dht: null })
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 50 }, () => mention(host)))
    const isWithin = () => host.gauges().knownPeers() <= 50
    await waitFor(isWithin, { message: `within the cap after round ${round}` })
  }
  const { length } = await host.libp2p.peerStore.all()
  assert.ok(length > 0 && length <= 50, `${length} in the store`)
})

test('one whose ID is that of a URL goes as all others do', async (t) => {
  const knownPeers = { ...LIMITS.knownPeers, maxPeers: 50 }
  const host = await startHost(t, { limits: { ...LIMITS, knownPeers }, dht: null })
  const digest = identity.digest(new TextEncoder().encode('https://example.org'))
  const peer = peerIdFromMultihash(await digest)
  assert.equal(peer.type, 'url')
  await host.libp2p.peerStore.merge(peer, { multiaddrs: [multiaddr('/ip4/8.8.8.8/tcp/4002')] })
  for (let n = 0; n < 60; n++) await mention(host)
  await waitFor(() => host.gauges().knownPeers() <= 50, { message: 'within the cap' })
  assert.equal(await host.libp2p.peerStore.has(peer), false)
})

test('an address of thousands of parts is not kept, and those beside it are', async (t) => {
  const host = await startHost(t, { dht: null })
  const peer = peerIdFromPublicKey(publicKeyFromRaw(randomBytes(32)))
  const good = '/ip4/8.8.8.8/tcp/4002'
  const { bytes } = multiaddr(good)
  const long = Buffer.concat([bytes, ...new Array<Uint8Array>(4_000).fill(Buffer.of(0xc0, 3))])
  const multiaddrs = [long, bytes].map((one) => multiaddr(one))
  await host.libp2p.peerStore.merge(peer, { multiaddrs })
  const { addresses } = await host.libp2p.peerStore.get(peer)
  assert.deepEqual(
    addresses.map(({ multiaddr: kept }) => `${kept}`),
    [good],
  )
})

test('an address that nobody renews expires, and its peer with it', async (t) => {
  const peerStore = { maxAddressAge: 50, maxPeerAge: 100 }
  const host = await startHost(t, { limits: { ...LIMITS, peerStore }, dht: null })
  const peer = await mention(host)
  const isUnaddressed = async () => (await host.libp2p.peerStore.get(peer)).addresses.length === 0
  await waitFor(isUnaddressed, { message: 'the address is gone' })
  await waitFor(async () => !(await host.libp2p.peerStore.has(peer)), { message: 'the peer is' })
  assert.deepEqual(await host.libp2p.peerStore.all(), [])
})

test('what the peer store writes for each stream is written to memory, never to a disk', async (t) => {
  const [host, visitor] = [await startHost(t), await startHost(t)]
  const components = libraryMember(host.libp2p, 'components', isObject)
  const store = libraryMember(components, 'datastore', isStore)
  assert.ok(store instanceof MemoryDatastore)
  let writes = 0
  const put = store.put.bind(store)
  store.put = (key, value) => {
    writes++
    return put(key, value)
  }
  await connect(visitor, host)
  await waitFor(() => host.peers()[0]?.isStation, { message: 'identify' })
  assert.ok(writes > 0, 'all of them go there')
})

test('a peer that is known keeps nothing of the slabs that its bytes were cut from', async (t) => {
  setFlagsFromString('--expose-gc')
  const garbage: () => void = runInNewContext('gc')
  const collect = async () => {
    // What finalizers let go of is freed by the next one, and the bytes of buffers beside it.
    let last = Number.NaN
    const isLevel = () => {
      garbage()
      const before = last
      last = process.memoryUsage().arrayBuffers
      return last === before
    }
    await waitFor(isLevel, { message: 'buffers that nobody needs are gone' })
  }
  const host = await startHost(t, { dht: null })
  const peers = 300
  await collect()
  const before = process.memoryUsage().arrayBuffers
  for (let n = 0; n < peers; n++) {
    await mention(host)
    // What else a node does with small buffers meanwhile: enough for a slab.
    for (let i = 0; i < 16; i++) Buffer.allocUnsafe(Buffer.poolSize / 16)
  }
  await collect()
  const each = (process.memoryUsage().arrayBuffers - before) / peers
  t.diagnostic(`${each.toFixed(0)} bytes of buffers a peer`)
  assert.equal(host.gauges().knownPeers(), peers)
  assert.ok(each < 1024, `${each.toFixed(0)} bytes a peer`)
})
