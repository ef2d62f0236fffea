import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { withDeadline } from '../../src/lib/deadline.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import type { PeerStream } from '../../src/network/types.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { askLiar, field, length, rawRequests, request } from '../support/dht.ts'
import { longestBlock } from '../support/event-loop.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

async function line(t: TestContext, count: number): Promise<Host[]> {
  const hosts: Host[] = []
  for (let index = 0; index < count; index++) {
    const host = await startHost(t)
    const before = hosts.at(-1)
    if (before !== undefined) await connect(host, before)
    hosts.push(host)
  }
  return hosts
}

test('a peer two steps away is found', async (t) => {
  const [first, , last] = await line(t, 3)
  assert.ok(first?.dht && last?.dht)
  const { dht } = first
  const found = await waitFor(() => dht.findPeer(last.peerId, AbortSignal.timeout(2_000)), {
    message: 'the far end is found',
  })
  assert.equal(found.peerId, last.peerId)
  assert.deepEqual(found.addresses, last.listenAddresses())
})

test('a node that is alone gets an answer, though an empty one', async (t) => {
  const host = await startHost(t)
  assert.ok(host.dht)
  const found = []
  for await (const peer of host.dht.closestPeers(new Uint8Array(32), AbortSignal.timeout(3_000))) {
    found.push(peer)
  }
  assert.deepEqual(found, [])
})

const KEY = Buffer.from('/constructor/x')
const REFUSED = { PUT_VALUE: 0, GET_VALUE: 1, ADD_PROVIDER: 2, GET_PROVIDERS: 3 }

test('records and providers are refused, peers are told', async (t) => {
  const metrics = createMetrics()
  const server = await startHost(t, {}, { metrics })
  const client = await startHost(t)
  await connect(client, server)
  for (const [name, type] of Object.entries(REFUSED)) {
    assert.equal(await rawRequests(client, server, [request(type, KEY)]), false, name)
    const counted = new RegExp(`wesense_dht_requests_refused_total\\{type="${name}"\\} 1`)
    assert.match(await metrics.text(), counted)
  }
  assert.equal(await rawRequests(client, server, [request(4, Buffer.alloc(32, 1))]), true)
})

test('a peer that asks without end is refused after its burst', async (t) => {
  const limits = hostLimits(1_024)
  const dhtRequests = { ...limits.dhtRequests, burst: 5, perSecond: 0.001 }
  const server = await startHost(t, { limits: { ...limits, dhtRequests } })
  const client = await startHost(t, { dht: null })
  await connect(client, server)
  const find = request(4, Buffer.alloc(32, 1))
  assert.equal(await rawRequests(client, server, new Array<Uint8Array>(5).fill(find)), true)
  assert.equal(await rawRequests(client, server, [find]), false)
})

test('a peer that asks on one stream, one request after another, is answered for as long as it keeps to its rate', async (t) => {
  const { dhtRequests, ...limits } = hostLimits(1_024)
  const server = await startHost(t, {
    limits: { ...limits, dhtRequests: { ...dhtRequests, burst: 500 } },
  })
  const client = await startHost(t, { dht: null })
  await connect(client, server)
  const asked = request(4, Buffer.alloc(64, 1))
  const count = Math.ceil((3 * dhtRequests.unansweredBytes) / asked.byteLength)
  assert.equal(await rawRequests(client, server, Array(count).fill(asked)), true)
})

test('where nobody is public every node serves, beside a public peer it only asks', async (t) => {
  const host = await startHost(t)
  assert.ok(host.dht)
  assert.equal(host.dht.mode, 'server')
  await host.dht.adapt(() => true)
  assert.equal(host.dht.mode, 'client')
  assert.equal(host.libp2p.getProtocols().includes(host.names.kad), false)
  await host.dht.adapt(() => false)
  assert.equal(host.dht.mode, 'server')
})

test('a node that announces a public address serves whoever is connected', async (t) => {
  const host = await startHost(t, {
    announce: [
      { kind: 'multiaddr', input: '/ip4/8.8.8.8/tcp/4002', multiaddr: '/ip4/8.8.8.8/tcp/4002' },
    ],
  })
  assert.ok(host.dht)
  // With thousands of peers that look would cost milliseconds at each that comes or goes.
  await host.dht.adapt(() => assert.fail('a public node need not look at its connections'))
  assert.equal(host.dht.mode, 'server')
})

function madeUpPeer(index: number): Uint8Array {
  const key = Buffer.alloc(32, 1)
  key.writeUInt32BE(index)
  const id = Buffer.concat([Buffer.from([0, 36, 8, 1, 18, 32]), key])
  const addresses = Array.from({ length: 12 }, (_, i) =>
    field(2, Buffer.from([4, 8, 8, i, index & 0xff, 6, 0x0f, 0xa2])),
  )
  const secret = field(2, Buffer.from([4, 169, 254, 169, 254, 6, 0, 80]))
  return Buffer.concat([field(1, id), secret, ...addresses])
}

function madeUpPeers(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => madeUpPeer(index))
}

test('of a reply twenty peers are taken, eight addresses of each, and none that is private', async (t) => {
  const { host, found, told } = await askLiar(t, madeUpPeers(100))
  assert.ok(found.length > 0 && found.length <= 20, `${found.length} peers`)
  const ids = new Set(told.map(({ id }) => id.toString()))
  assert.ok(ids.size <= 20, `${ids.size} peers were told`)
  for (const { multiaddrs } of told) assert.ok(multiaddrs.length <= 8)
  for (const { addresses } of await host.libp2p.peerStore.all()) {
    const kept = addresses.map(({ multiaddr }) => multiaddr.toString())
    assert.ok(kept.length <= 8)
    assert.ok(!kept.some((address) => address.includes('169.254')), kept.join())
  }
  assert.ok(host.dht && host.dht.size <= 1, 'nobody gets into the table by being named')
})

test('a reply that no honest table makes is not read to its end', async (t) => {
  const { found, told } = await askLiar(t, madeUpPeers(3_000))
  assert.deepEqual(found, [])
  assert.deepEqual(told, [])
})

test('a request that never ends is cut, on each of its streams', async (t) => {
  const [client, server] = [await startHost(t, { dht: null }), await startHost(t)]
  await connect(client, server)
  const signal = AbortSignal.timeout(5_000)
  const stream = await client.transport.open(server.peerId, server.names.kad, signal)
  const startedAtMs = performance.now()
  // Three megabytes are promised.
  await stream.send(Buffer.concat([length(3 * 1024 * 1024), Buffer.alloc(64 * 1024)]), signal)
  await assert.rejects(async () => {
    for await (const _ of stream.chunks()) assert.fail('no answer')
  }, /reset/)
  // The library itself gives up after ten seconds, whatever has come by then.
  assert.ok(performance.now() - startedAtMs < 8_000)
})

test('requests whose lengths have no end are cut before they are read, and hold up nobody', async (t) => {
  const [client, server] = [await startHost(t, { dht: null }), await startHost(t)]
  await connect(client, server)
  const signal = AbortSignal.timeout(5_000)
  const open = () => client.transport.open(server.peerId, server.names.kad, signal)
  const streams = await Promise.all(Array.from({ length: 8 }, open))
  // Less than a stream may bring.
  const endless = Buffer.alloc(4_000, 0x80)
  const worstMs = await longestBlock(async () => {
    await Promise.all(streams.map((stream) => stream.send(endless, signal)))
    const readAll = async (stream: PeerStream) => {
      for await (const _ of stream.chunks()) assert.fail('no answer')
    }
    // The library itself gives up after ten seconds.
    const within = { ms: 5_000, label: 'the end of the streams' }
    const ends = Promise.all(streams.map((stream) => assert.rejects(readAll(stream), /reset/)))
    await withDeadline(() => ends, within)
  })
  // Unguarded it is 0.3 s and more.
  assert.ok(worstMs < 150, `${worstMs} ms`)
})

test('a peer that goes on after refusals is sent away', async (t) => {
  const limits = hostLimits(1_024)
  const patience = { burst: 5, perSecond: 0.001 }
  const dhtRequests = { ...limits.dhtRequests, patience }
  const server = await startHost(t, { limits: { ...limits, dhtRequests } })
  const client = await startHost(t, { dht: null })
  await connect(client, server)
  for (let i = 0; i < 5; i++) await rawRequests(client, server, [request(0, KEY)])
  assert.equal(server.standing.isShunned(client.peerId), false)
  await rawRequests(client, server, [request(0, KEY)])
  await waitFor(() => server.standing.isShunned(client.peerId), { message: 'it is shunned' })
})

test('the first query of a node that is alone ends by itself', async (t) => {
  const host = await startHost(t)
  const dht: object = host.libp2p.services.dht ?? {}
  const querySelf: object = Reflect.get(dht, 'querySelf')
  // The library forgets its promise that it has not run when it has.
  await waitFor(() => Reflect.get(querySelf, 'initialQuerySelfHasRun') === undefined, {
    timeoutMs: 4_000,
    message: 'the first query has run',
  })
})
