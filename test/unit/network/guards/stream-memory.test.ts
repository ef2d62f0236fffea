import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MessageStream, type Stream, StreamMessageEvent } from '@libp2p/interface'

import { joinGossipPieces } from '../../../../src/network/guards/gossip-pieces.ts'
import { StreamMemory } from '../../../../src/network/guards/stream-memory.ts'
import { varint } from '../../../support/fuzz/payloads.ts'

const MIB = 1024 * 1024
const LIMITS = {
  heldBytes: 8 * MIB,
  heldBytesInAll: 20 * MIB,
  appetites: {},
  blockMessageBytes: MIB,
}

const GOSSIP = { mostBytes: 20 * MIB, mostWaiting: 1_000_000, onFlood: () => {} }

class FakeStream extends EventTarget {
  readonly id: string
  readonly direction = 'inbound'
  protocol = '/test'
  readBufferLength = 0
  writeBufferLength = 0
  writableNeedsDrain = false

  constructor(id: number) {
    super()
    this.id = String(id)
  }
}

/** Connections, each with one stream that holds so many MiB unread. */
function connections(...unreadMib: readonly number[]) {
  const memory = new StreamMemory(LIMITS)
  const cut: number[] = []
  const all = unreadMib.map((mib, index) => {
    const connection = new EventTarget()
    const stream = new FakeStream(1)
    stream.readBufferLength = mib * MIB
    const streams = [stream as unknown as Stream]
    const onCut = () => {
      cut.push(index)
      connection.dispatchEvent(new Event('close'))
    }
    const { onData } = memory.watch(connection as unknown as MessageStream, { streams }, onCut)
    return { stream, onData }
  })
  return { memory, cut, all }
}

test('the heaviest connections are cut, and no more than it takes', () => {
  const { memory, cut } = connections(3, 7, 2, 6, 5)
  memory.count()
  assert.deepEqual(cut, [1])
  memory.count()
  assert.deepEqual(cut, [1])
})

test('one connection that holds too much is cut though there is room in all', () => {
  const { memory, cut } = connections(1, 9)
  memory.count()
  assert.deepEqual(cut, [1])
})

test('what a handler takes while it cannot send counts, and else it does not', () => {
  const { memory, cut, all } = connections(0, 0)
  const [first, second] = all
  if (first !== undefined) first.stream.writableNeedsDrain = true
  first?.onData(1, 9 * MIB)
  second?.onData(1, 9 * MIB)
  memory.count()
  assert.deepEqual(cut, [0])
})

test('what lies in buffers of others counts as well', () => {
  const memory = new StreamMemory(LIMITS)
  const cut: string[] = []
  const watch = (name: string, mib: number) =>
    memory.watch(
      new EventTarget() as unknown as MessageStream,
      { streams: [] },
      () => cut.push(name),
      () => mib * MIB,
    )
  watch('small', 7)
  watch('large', 9)
  memory.count()
  assert.deepEqual(cut, ['large'])
})

test('what a relay passes on counts for the relay alone', () => {
  const { memory, cut, all } = connections(0)
  for (const { stream } of all) {
    stream.protocol = '/libp2p/circuit/relay/0.2.0/hop'
    stream.writableNeedsDrain = true
  }
  all[0]?.onData(1, 9 * MIB)
  memory.count()
  assert.deepEqual(cut, [])
})

test('blocks that are being gathered count up to the largest message', () => {
  const { memory, cut, all } = connections(7.5)
  for (const { stream } of all) stream.protocol = '/ipfs/bitswap/1.2.0'
  all[0]?.onData(1, 3 * MIB)
  memory.count()
  assert.deepEqual(cut, [0])
})

test('bytes that arrive fast are counted before the next look', () => {
  const { cut, all } = connections(9)
  all[0]?.onData(1, 5 * MIB)
  assert.deepEqual(cut, [0])
})

test('what there is of a message of gossip is held', () => {
  const { memory, cut, all } = connections(0, 0)
  const gossip = { createInboundStream: (_peer: string, _stream: FakeStream) => {} }
  joinGossipPieces(gossip, GOSSIP)
  for (const { stream } of all) gossip.createInboundStream('peer', stream)
  const arrive = (bytes: Uint8Array) => all[1]?.stream.dispatchEvent(new StreamMessageEvent(bytes))
  arrive(varint(12 * MIB))
  for (let mib = 0; mib < 8; mib += 1) arrive(new Uint8Array(MIB - 1))
  memory.count()
  assert.deepEqual(cut, [])
  arrive(new Uint8Array(MIB))
  memory.count()
  assert.deepEqual(cut, [1])
})

test('gossip that came and waits for its turn is held', () => {
  const { memory, cut, all } = connections(0, 0)
  const gossip = { createInboundStream: (_peer: string, _stream: FakeStream) => {} }
  joinGossipPieces(gossip, GOSSIP)
  for (const { stream } of all) gossip.createInboundStream('peer', stream)
  const [, second] = all
  assert.ok(second)
  // Messages of 126 bytes, each with its length before it.
  const messages = new Uint8Array(9 * MIB).map((_, at) => (at % 127 === 0 ? 126 : 0))
  second.stream.dispatchEvent(new StreamMessageEvent(messages))
  memory.count()
  assert.deepEqual(cut, [1])
})
