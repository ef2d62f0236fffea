import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'

import { heldGossipBytes } from '../../src/network/guards/gossip-pieces.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { varint } from '../support/fuzz/payloads.ts'
import { MESHSUB } from '../support/gossip-attacker.ts'
import { startHost } from '../support/host.ts'
import { startStranger } from '../support/stranger.ts'
import { waitFor } from '../support/wait-for.ts'

const MIB = 1024 * 1024
const LIMITS = hostLimits(1_024)
const MOST_BYTES = LIMITS.gossip.maxInboundDataLength
const WINDOW_BYTES = LIMITS.yamux.streamOptions.maxStreamWindowSize
/** Of an RPC of the field below, beside what is in it. */
const HEAD_BYTES = 4

/** An RPC of so many bytes, with its length, of a field that gossip does not know. */
function rpcOf(byteLength: number): Buffer {
  const content = byteLength - HEAD_BYTES
  // As long a length as that of the longest, which a decoder takes all the same.
  const prefix = [(content & 0x7f) | 0x80, ((content >> 7) & 0x7f) | 0x80, content >> 14]
  return Buffer.concat([varint(byteLength), Buffer.from([0x7a, ...prefix]), Buffer.alloc(content)])
}

/** A host whose gossip is handled from when the test says so. */
async function startHeldUp(t: Parameters<typeof startHost>[0]) {
  const host = await startHost(t, { dht: null, limits: LIMITS })
  const { promise: turn, resolve: begin } = Promise.withResolvers<void>()
  let handled = 0
  Reflect.set(host.libp2p.services.gossipsub, 'handleReceivedRpc', async () => {
    await turn
    handled += 1
  })
  const streams = () =>
    host.libp2p
      .getConnections()
      .flatMap((connection) => connection.streams)
      .filter(({ protocol, direction }) => protocol === MESHSUB && direction === 'inbound')
  const heldBytes = () =>
    streams()
      .map((stream) => heldGossipBytes(stream) + stream.readBufferLength)
      .reduce((sum, bytes) => sum + bytes, 0)
  return { host, begin, streams, heldBytes, handled: () => handled }
}

/** Waits until a stream has not sent anything for a while. @returns what it has not sent */
async function stuckBytes(stream: Stream): Promise<number> {
  for (let before = -1; before !== stream.writeBufferLength; await sleep(300)) {
    before = stream.writeBufferLength
  }
  return stream.writeBufferLength
}

test('gossip that waits for its turn waits at its sender', async (t) => {
  const { host, begin, heldBytes, handled } = await startHeldUp(t)
  const { connection } = await startStranger(t, host)
  const stream = await connection.newStream(MESHSUB)
  const rpcs = Array.from({ length: 16 * 1024 }, () => rpcOf(1_021))
  const bytes = Buffer.concat(rpcs)
  assert.ok(bytes.length > 15 * MIB)
  stream.send(bytes)
  const unsent = await stuckBytes(stream)
  assert.ok(stream.writableNeedsDrain)
  assert.ok(heldBytes() < 2 * WINDOW_BYTES + MIB, `${heldBytes()} bytes are held`)
  assert.ok(bytes.length - unsent < 2 * WINDOW_BYTES + MIB, `${bytes.length - unsent} were taken`)
  assert.ok(heldBytes() > MOST_BYTES, `${heldBytes()} bytes are known of`)
  begin()
  await waitFor(() => handled() === rpcs.length, { message: 'all is read', timeoutMs: 30_000 })
  assert.equal(heldBytes(), 0)
  assert.equal(stream.status, 'open')
})

test('the longest RPCs come through, one as the other', async (t) => {
  const { host, begin, heldBytes, handled } = await startHeldUp(t)
  const { connection } = await startStranger(t, host)
  const stream = await connection.newStream(MESHSUB)
  const lengths = [MOST_BYTES, 100, MOST_BYTES, MOST_BYTES, 20_000, MOST_BYTES - 1, MOST_BYTES]
  stream.send(Buffer.concat(lengths.map(rpcOf)))
  await stuckBytes(stream)
  begin()
  await waitFor(() => handled() === lengths.length, { message: 'all is read', timeoutMs: 30_000 })
  assert.equal(heldBytes(), 0)
})

test('what a sender says last is read, though it was held back', async (t) => {
  const { host, begin, streams, handled } = await startHeldUp(t)
  const { connection } = await startStranger(t, host)
  const stream = await connection.newStream(MESHSUB)
  const count = Math.floor((MOST_BYTES + WINDOW_BYTES / 2) / 1_024)
  for (let i = 0; i < count; i += 1) stream.send(rpcOf(1_021))
  await stuckBytes(stream)
  assert.ok(streams().some(({ readStatus }) => readStatus === 'paused'))
  await stream.close()
  await waitFor(() => streams()[0]?.remoteWriteStatus === 'closed', { message: 'it has ended' })
  begin()
  await waitFor(() => handled() === count, { message: 'all is read' })
})

test('what waits of a stream that is closed is read no longer', async (t) => {
  const { host, begin, streams, handled } = await startHeldUp(t)
  const { connection } = await startStranger(t, host)
  const closed = await connection.newStream(MESHSUB)
  for (let i = 0; i < 100; i += 1) closed.send(rpcOf(1_021))
  await waitFor(() => heldGossipBytes(streams()[0] as Stream) > 100 * 1_000, { message: 'it came' })
  const second = await connection.newStream(MESHSUB)
  await waitFor(() => streams().length === 2, { message: 'it is replaced' })
  await closed.close()
  await waitFor(() => streams().length === 1, { message: 'it is closed' })
  begin()
  for (let i = 0; i < 5; i += 1) second.send(rpcOf(1_021))
  await waitFor(() => handled() >= 6, { message: 'the second is read' })
  await sleep(200)
  assert.equal(handled(), 6, 'and of the first one what was begun')
})

test('who sends messages without end is sent away, whether they are read or not', async (t) => {
  const { host, handled } = await startHeldUp(t)
  const { libp2p, connection } = await startStranger(t, host)
  const stream = await connection.newStream(MESHSUB)
  // Each byte is the length of a message of nothing.
  stream.send(new Uint8Array(64 * 1024))
  const id = libp2p.peerId.toString()
  await waitFor(() => host.standing.isShunned(id), { message: 'it is shunned' })
  await waitFor(() => host.libp2p.getConnections().length === 0, { message: 'it is gone' })
  assert.equal(handled(), 0)
})
