import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { encode } from '@ipld/dag-cbor'
import type { Stream } from '@libp2p/interface'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { startBitswap } from '../../src/registry/replication/bitswap.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { bytesField, framed, repeated } from '../support/bitswap-message.ts'
import { MemoryByteStore } from '../support/byte-store.ts'
import { longestBlock } from '../support/event-loop.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const PROTOCOL = '/ipfs/bitswap/1.2.0'
/** CIDv1, raw, sha2-256, 32 bytes. */
const RAW_SHA256 = Buffer.of(1, 0x55, 0x12, 32)
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

/** A peer of a reader, with streams to it. */
async function startSender(t: TestContext) {
  const reader = await startReader(t)
  const peer = await startHost(t, { dht: null })
  await connect(peer, reader.host)
  const [connection] = peer.libp2p.getConnections()
  assert.ok(connection)
  const openStream = () => connection.newStream(PROTOCOL)
  const isReset = (stream: Stream) =>
    waitFor(() => stream.status === 'reset', {
      message: 'the stream is reset',
      timeoutMs: reader.limits.messageReceiveTimeout / 2,
    })
  return { reader, peer, connection, openStream, isReset }
}

/** A want of a block that nobody has; its CID holds the number. */
function want(number: number): Buffer {
  const digest = Buffer.alloc(4)
  digest.writeUInt32BE(number)
  return bytesField(1, bytesField(1, Buffer.of(1, 0x55, 0, digest.length), digest))
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
  const { openStream, isReset } = await startSender(t)
  const stream = await openStream()
  // A length of 4 MiB, and nothing of what it announces.
  stream.send(Buffer.of(0x80, 0x80, 0x80, 0x02))
  await isReset(stream)
})

describe('a message that is short and much work ends its stream before it is decoded', () => {
  const most = hostLimits(512).bitswap.maxIncomingMessageSize - 64
  const filling = (part: Buffer) => repeated(part, Math.floor(most / part.length))
  const wants = Array.from({ length: Math.floor(most / want(0).length) }, (_, n) => want(n))
  const cases: [string, Buffer][] = [
    ['blocks of no bytes', filling(bytesField(3, bytesField(1, RAW_SHA256)))],
    ['wants without end', bytesField(1, ...wants)],
    ['presences', filling(bytesField(4, bytesField(1, RAW_SHA256, Buffer.alloc(32))))],
    ['parts with nothing in them', filling(bytesField(3))],
    ['a long prefix', bytesField(3, bytesField(1, Buffer.alloc(100_000, 1)))],
  ]
  for (const [name, fields] of cases) {
    test(name, async (t) => {
      const { openStream, isReset } = await startSender(t)
      const stream = await openStream()
      const block = await longestBlock(async () => {
        stream.send(framed(fields))
        await isReset(stream)
      })
      assert.ok(block < 200, `${block} ms without a turn`)
    })
  }
})

test('bytes beyond their rate end their stream', async (t) => {
  const { openStream, isReset } = await startSender(t)
  const stream = await openStream()
  const message = framed(bytesField(3, bytesField(2, Buffer.alloc(32 * 1024))))
  const isOpen = () => stream.status === 'open'
  for (let sent = 0; sent < 16 * 1024 ** 2 && isOpen(); sent += message.length) {
    stream.send(message)
    while (isOpen() && stream.writeBufferLength > 0) await setImmediate()
  }
  await isReset(stream)
})

test('messages beyond their rate end their stream, and a peer that sent fewer is served', async (t) => {
  const { reader, openStream, isReset } = await startSender(t)
  const stream = await openStream()
  stream.send(repeated(framed(), 10_000))
  await isReset(stream)
  const again = await openStream()
  again.send(repeated(framed(), 1000))
  await isReset(again)
  const other = await startReader(t)
  const { hash, bytes } = block('rate')
  await reader.level.put(hash, bytes)
  await met(reader.host, other.host)
  assert.deepEqual(await other.fetch(hash), Buffer.from(bytes))
})

test('a message in thousands of pieces ends its stream', async (t) => {
  const { openStream, isReset } = await startSender(t)
  const stream = await openStream()
  const message = framed(bytesField(3, bytesField(2, Buffer.alloc(200_000))))
  for (let at = 0; at < message.length && stream.status === 'open'; at += 20) {
    stream.send(message.subarray(at, at + 20))
    if (at % 2_000 === 0) await setImmediate()
  }
  await isReset(stream)
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
