import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'

import type { Host } from '../../src/network/host.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const idOf = (host: Host) => peerIdFromString(host.peerId)
const connectedTo = (host: Host) => host.peers().map(({ peerId }) => peerId)

async function refused(metrics: Metrics): Promise<number> {
  const line = /wesense_dial_addresses_refused_total\{reason="not-by-dialer"\} (\d+)/
  return Number(line.exec(await metrics.text())?.[1] ?? 0)
}

/** Addresses of `to` that `from` may dial, in the peer store where every library looks. */
async function introduce(from: Host, to: Host): Promise<void> {
  const multiaddrs = to.listenAddresses().map((address) => multiaddr(address))
  await from.libp2p.peerStore.merge(idOf(to), { multiaddrs })
}

test('nobody but the dialer dials, by peer ID or by address', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, {}, { metrics })
  const other = await startHost(t)
  await introduce(host, other)
  const denied = { name: 'DialDeniedError' }
  await assert.rejects(host.libp2p.dial(idOf(other)), denied)
  assert.equal(await refused(metrics), 1)
  const [address = ''] = other.listenAddresses()
  await assert.rejects(host.libp2p.dial(multiaddr(address)), denied)
  await assert.rejects(host.libp2p.dial(multiaddr(`${address}/p2p/${other.peerId}`)), denied)
  assert.equal(await refused(metrics), 3)
  await host.dial([`${address}/p2p/${other.peerId}`])
  await waitFor(() => connectedTo(other).length === 1, { message: 'connected' })
  await host.libp2p.hangUp(idOf(other))
  await waitFor(() => connectedTo(host).length === 0, { message: 'disconnected' })
  // The permit ended with the dial.
  await assert.rejects(host.libp2p.dial(idOf(other)), denied)
  await host.dial([address])
})

test('the DHT names a peer two steps away and connects to nobody', async (t) => {
  const metrics = createMetrics()
  const finder = await startHost(t, {}, { metrics })
  const middle = await startHost(t)
  const far = await startHost(t)
  await connect(far, middle)
  await connect(finder, middle)
  const { dht } = finder
  assert.ok(dht && middle.dht)
  await waitFor(() => middle.dht?.size === 2 && dht.size === 1, { message: 'tables' })
  const found = new Map<string, readonly string[]>()
  for (let walk = 0; walk < 5; walk++) {
    const key = new Uint8Array(34).fill(walk)
    for await (const { peerId, addresses } of dht.closestPeers(key, AbortSignal.timeout(3_000))) {
      found.set(peerId, addresses)
    }
  }
  assert.deepEqual(found.get(far.peerId), far.listenAddresses())
  // The library has tried to ping it by now, since a reply named it: every one of those was a dial.
  assert.equal(dht.size, 1)
  assert.deepEqual(connectedTo(finder), [middle.peerId])
  assert.deepEqual(connectedTo(far), [middle.peerId])
  // Not even tried: the gater is the second line.
  assert.equal(await refused(metrics), 0)
})

test('a peer that left is neither in the DHT table nor dialled again', async (t) => {
  const metrics = createMetrics()
  const host = await startHost(t, {}, { metrics })
  const other = await startHost(t)
  await connect(host, other)
  await waitFor(() => host.dht?.size === 1, { message: 'the peer is in the table' })
  const tags = { 'keep-alive-test': { value: 1 } }
  // As kad-dht tags the closest of its table, after a while.
  await host.libp2p.peerStore.merge(idOf(other), { tags })
  await host.libp2p.hangUp(idOf(other))
  await waitFor(async () => (await refused(metrics)) > 0, {
    message: 'libp2p tried to connect again',
  })
  await waitFor(() => host.dht?.size === 0, { message: 'the table has forgotten it' })
  await waitFor(() => connectedTo(other).length === 0, { message: 'the other end is closed' })
})

test('addresses that others told of a peer do not keep out its own', async (t) => {
  const host = await startHost(t)
  const peer = await startHost(t)
  const bogus = Array.from({ length: 20 }, (_, index) => `/ip4/8.8.8.8/tcp/${5000 + index}`)
  await host.libp2p.peerStore.merge(idOf(peer), { multiaddrs: bogus.map((one) => multiaddr(one)) })
  await connect(peer, host)
  await waitFor(
    async () => {
      const { addresses } = await host.libp2p.peerStore.get(idOf(peer))
      const known = addresses.map(({ multiaddr: address }) => address.toString())
      return JSON.stringify(known) === JSON.stringify(peer.listenAddresses())
    },
    { message: 'the peer’s own addresses are known, and nothing else' },
  )
  const again = await host.libp2p.peerStore.merge(idOf(peer), {
    multiaddrs: bogus.map((one) => multiaddr(one)),
  })
  assert.equal(again.addresses.length, 8)
})
