import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

import {
  gossipBacklogOf,
  heldGossipBytes,
  joinGossipPieces,
} from '../../../../src/network/guards/gossip-pieces.ts'
import { varint } from '../../../support/fuzz/payloads.ts'

const MOST_BYTES = 256 * 1024
const MOST_WAITING = 1_000

/** A stream as gossip is given it, and what it then reads. */
class FakeStream extends EventTarget {
  isAborted = false

  abort(): void {
    this.isAborted = true
  }
}

function guarded() {
  const read: Uint8ArrayList[] = []
  const gossip = {
    createInboundStream: (_peer: string, stream: FakeStream) => {
      stream.addEventListener('message', (event) => {
        assert.ok(event instanceof StreamMessageEvent && !(event.data instanceof Uint8Array))
        read.push(event.data)
      })
    },
  }
  const floods: string[] = []
  joinGossipPieces(gossip, {
    mostBytes: MOST_BYTES,
    mostWaiting: MOST_WAITING,
    onFlood: (peerId) => floods.push(peerId),
  })
  const stream = new FakeStream()
  gossip.createInboundStream('peer', stream)
  const arrive = (bytes: Uint8Array) => void stream.dispatchEvent(new StreamMessageEvent(bytes))
  const take = (byteLength: number) => gossipBacklogOf(stream)?.take(byteLength)
  return {
    read,
    stream,
    arrive,
    take,
    floods,
    held: () => heldGossipBytes(stream as unknown as Stream),
  }
}

/** Bytes of a message, its length before them. */
function message(byteLength: number): Buffer {
  return Buffer.concat([varint(byteLength), Buffer.alloc(byteLength, 7)])
}

test('a message that came whole is handed on at once', () => {
  const { read, arrive, take, held } = guarded()
  arrive(message(100))
  assert.deepEqual(
    read.map((list) => Buffer.from(list.subarray())),
    [message(100)],
  )
  assert.equal(held(), 101)
  take(100)
  assert.equal(held(), 0)
})

test('a message in short pieces is handed on in few, every byte in its place', () => {
  const { read, arrive, take, held } = guarded()
  const bytes = Buffer.concat([message(200_000), message(5)])
  for (let at = 0; at < bytes.length; at += 16) arrive(bytes.subarray(at, at + 16))
  assert.ok(read.length < 20, `${read.length} pieces`)
  assert.ok(Buffer.concat(read.map((list) => list.subarray())).equals(bytes))
  assert.equal(held(), bytes.length)
  take(200_000)
  take(5)
  assert.equal(held(), 0)
})

test('it is known how much of a message is there', () => {
  const { arrive, held } = guarded()
  const bytes = message(200_000)
  for (let at = 0; at < 160_000; at += 16) arrive(bytes.subarray(at, at + 16))
  assert.equal(held(), 160_000)
})

test('a message that is longer than any ends its stream, and none of it is handed on', () => {
  const { read, stream, arrive } = guarded()
  arrive(message(MOST_BYTES))
  assert.equal(stream.isAborted, false)
  const before = read.length
  arrive(varint(MOST_BYTES + 1))
  assert.deepEqual([stream.isAborted, read.length], [true, before])
})

test('more messages than may wait are a flood, and no others are', () => {
  const { read, stream, arrive, take, floods } = guarded()
  const messages = (count: number) => Buffer.concat(Array(count).fill(message(3)))
  arrive(messages(MOST_WAITING))
  for (let i = 0; i < 10; i += 1) take(3)
  arrive(messages(10))
  assert.deepEqual([floods, stream.isAborted, read.length], [[], false, 2])
  arrive(messages(1))
  assert.deepEqual([floods, stream.isAborted, read.length], [['peer'], true, 2])
})
