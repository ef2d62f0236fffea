import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

/** Protobuf of a kad-dht request: a type and a key. */
function request(type: number, key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0x08, type, 0x12, key.byteLength]), key])
}

async function rawRequests(
  from: Host,
  to: Host,
  requests: readonly Uint8Array[],
): Promise<boolean> {
  const signal = AbortSignal.timeout(5_000)
  const stream = await from.transport.open(to.peerId, from.names.kad, signal)
  const answers = stream.chunks()[Symbol.asyncIterator]()
  try {
    for (const bytes of requests) {
      await stream.send(Buffer.concat([Buffer.from([bytes.byteLength]), bytes]), signal)
      if ((await answers.next()).done === true) return false
    }
    return true
  } catch {
    return false
  } finally {
    stream.abort(new Error('done'))
  }
}

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
