import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { encode } from '@ipld/dag-cbor'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { startBitswap } from '../../src/registry/replication/bitswap.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/ipfs/bitswap/1.2.0'
/** What a fetch waits for a block. */
const FETCH_MS = 4_000

async function startReader(t: TestContext, clock: Clock = systemClock) {
  const host = await startHost(t, { dht: null })
  const level = new MemoryByteStore()
  const blocks = new BlockStore({ level, onDamaged: () => {} })
  const limits = hostLimits(512).bitswap
  const fetcher = await startBitswap(limits, { libp2p: host.libp2p, blocks, clock })
  t.after(() => fetcher.stop())
  const fetch = (hash: string, signal = new AbortController().signal) => fetcher.fetch(hash, signal)
  return { host, level, fetch, limits }
}

/** A block of its own, and its name. */
function block(text: string) {
  const bytes = encode({ text })
  return { bytes, hash: hashOf(bytes) }
}

async function met(...hosts: readonly Host[]): Promise<void> {
  const [first, ...rest] = hosts
  for (const host of rest) if (first !== undefined) await connect(first, host)
  const isKnown = (host: Host) => host.peers().every(({ isStation }) => isStation)
  await waitFor(() => hosts.every((host) => host.peers().length > 0 && isKnown(host)), {
    message: 'all know each other',
  })
}

test('a block that was fetched is not kept: whoever asked judges it first', async (t) => {
  const [reader, writer] = [await startReader(t), await startReader(t)]
  const { hash, bytes } = block('fetched')
  await writer.level.put(hash, bytes)
  await met(reader.host, writer.host)
  assert.deepEqual(await reader.fetch(hash), Buffer.from(bytes))
  assert.deepEqual([...reader.level.values], [])
})

test('a block that nobody gave is not asked for again at once, and after a minute it is', async (t) => {
  let aheadMs = 0
  const clock = { now: () => Date.now() + aheadMs, sleep: systemClock.sleep }
  const [reader, writer] = [await startReader(t, clock), await startReader(t)]
  await met(reader.host, writer.host)
  const { hash, bytes } = block('late')
  assert.equal(await reader.fetch(hash), null)
  await writer.level.put(hash, bytes)
  const askedAt = performance.now()
  assert.equal(await reader.fetch(hash), null)
  assert.ok(performance.now() - askedAt < FETCH_MS / 2, 'nobody was asked')
  await waitFor(() => performance.now() - askedAt > 500, { message: 'the first want is over' })
  aheadMs = 61_000
  assert.deepEqual(await reader.fetch(hash), Buffer.from(bytes))
})

test('a fetch that its caller cuts short does not keep the next one from its block', async (t) => {
  const [reader, writer] = [await startReader(t), await startReader(t)]
  await met(reader.host, writer.host)
  const { hash, bytes } = block('cut short')
  assert.equal(await reader.fetch(hash, AbortSignal.timeout(300)), null)
  await writer.level.put(hash, bytes)
  assert.deepEqual(await reader.fetch(hash), Buffer.from(bytes))
})

test('a message longer than the limit ends its stream before it is gathered', async (t) => {
  const reader = await startReader(t)
  const peer = await startHost(t, { dht: null })
  await connect(peer, reader.host)
  const [connection] = peer.libp2p.getConnections()
  assert.ok(connection)
  const stream = await connection.newStream(PROTOCOL)
  // A length of 4 MiB, and nothing of what it announces.
  stream.send(Buffer.of(0x80, 0x80, 0x80, 0x02))
  await waitFor(() => stream.status !== 'open', {
    message: 'the stream is reset',
    timeoutMs: reader.limits.messageReceiveTimeout / 2,
  })
})

test('a peer that has fallen silent does not keep the others from being asked', async (t) => {
  const [reader, silent, writer] = [
    await startReader(t),
    await startReader(t),
    await startReader(t),
  ]
  await met(reader.host, silent.host, writer.host)
  for (const connection of silent.host.libp2p.getConnections()) {
    const muxer: unknown = Reflect.get(connection, 'muxer')
    assert.ok(typeof muxer === 'object' && muxer !== null)
    Reflect.set(muxer, 'handleFrame', () => {})
  }
  for (const name of ['first', 'second', 'third']) {
    const { hash, bytes } = block(name)
    await writer.level.put(hash, bytes)
    assert.deepEqual(await reader.fetch(hash), Buffer.from(bytes), name)
  }
})
