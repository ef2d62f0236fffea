import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { askLiar, field, length, rawRequests, request } from '../support/dht.ts'
import { longestBlock } from '../support/event-loop.ts'
import { connect, startHost } from '../support/host.ts'

const FIND_NODE = 4
const SHA2_256 = 0x12

/** A multihash with a digest of any length, which the library takes for a peer ID. */
function longPeerId(bytes: number): Uint8Array {
  return Buffer.concat([Buffer.from([SHA2_256]), length(bytes), Buffer.alloc(bytes, 0xff)])
}

test('a request for a peer ID longer than any is refused, and one for a peer ID is answered', async (t) => {
  const metrics = createMetrics()
  const server = await startHost(t, {}, { metrics })
  const client = await startHost(t)
  await connect(client, server)
  const ask = (bytes: number) =>
    rawRequests(client, server, [request(FIND_NODE, longPeerId(bytes))])
  assert.equal(await ask(32), true)
  assert.equal(await ask(63), false)
  assert.equal(await ask(3_000), false)
  assert.match(await metrics.text(), /wesense_dht_requests_refused_total\{type="FIND_NODE"\} 2/)
})

test('a burst of the longest requests that came at once is answered', async (t) => {
  const server = await startHost(t)
  const client = await startHost(t, { dht: null })
  await connect(client, server)
  const signal = AbortSignal.timeout(5_000)
  const stream = await client.transport.open(server.peerId, client.names.kad, signal)
  const find = request(FIND_NODE, Buffer.alloc(64, 1))
  const framed = Buffer.concat([length(find.byteLength), find])
  const { burst } = hostLimits(1_024).dhtRequests
  await stream.send(Buffer.concat(new Array<Uint8Array>(burst).fill(framed)), signal)
  // Each names nobody: a length and a type.
  const expectedBytes = burst * 3
  let receivedBytes = 0
  for await (const chunk of stream.chunks()) {
    receivedBytes += chunk.byteLength
    if (receivedBytes >= expectedBytes) break
  }
  assert.equal(receivedBytes, expectedBytes)
})

/** A peer that a reply names. */
function peer(id: Uint8Array, addresses: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([field(1, id), ...addresses.map((address) => field(2, address))])
}

const P2P = Buffer.from([0xa5, 0x03])
const HONEST = Buffer.from([4, 8, 8, 8, 8, 6, 0x0f, 0xa2])
const LONG = Buffer.concat([HONEST, P2P, length(7_000), longPeerId(6_997)])

test('a reply with an ID and addresses longer than any stops nothing, and the rest of it is taken', async (t) => {
  const peers = [
    peer(longPeerId(7_000), [HONEST]),
    peer(longPeerId(32), [LONG, Buffer.from([0xff, 0x7f]), HONEST]),
    peer(Buffer.alloc(0), [HONEST]),
  ]
  const asked: Awaited<ReturnType<typeof askLiar>>[] = []
  const blockedMs = await longestBlock(async () => void asked.push(await askLiar(t, peers)))
  const taken = asked.flatMap(({ told }) => told).map(({ multiaddrs }) => multiaddrs.map(String))
  assert.ok(taken.length > 0)
  for (const addresses of taken) assert.deepEqual(addresses, ['/ip4/8.8.8.8/tcp/4002'])
  const found = asked.flatMap((one) => one.found).flatMap(({ addresses }) => addresses)
  assert.deepEqual([...new Set(found)], ['/ip4/8.8.8.8/tcp/4002'])
  // To write one of the long ones as text takes as much again.
  assert.ok(blockedMs < 200, `${blockedMs} ms`)
})

test('an address that has no text is left out, and the walk goes on', async (t) => {
  const emoji = Buffer.from('e10304f09f9880', 'hex')
  const { found } = await askLiar(t, [peer(longPeerId(32), [emoji, HONEST])])
  assert.ok(found.length > 0)
  for (const { addresses } of found) assert.deepEqual(addresses, ['/ip4/8.8.8.8/tcp/4002'])
})
