import assert from 'node:assert/strict'
import { test } from 'node:test'

import { guardGossipBatches } from '../../../../src/network/guards/gossip-batches.ts'

const LIMITS = {
  bytes: 10_000,
  messages: 8,
  idsInList: 50,
  idsTold: 120,
  idsAsked: 10,
  unsentBytes: 30_000,
}

interface List {
  readonly topicID?: string
  readonly messageIDs: readonly Uint8Array[]
}

const ids = (count: number) => new Array<Uint8Array>(count).fill(new Uint8Array(44))
const bytesOf = (messages: readonly { data: Uint8Array }[]) =>
  messages.reduce((sum, { data }) => sum + data.length, 0)

/** A service whose peers ask for, and tell of, whatever there is; nothing of what it sends leaves it. */
function lab(entry: { bytes: number; count: number }) {
  const message = { topic: 'ours', data: new Uint8Array(entry.bytes) }
  const rawStream = { writeBufferLength: 0 }
  const parts: { data: Uint8Array }[][] = []
  const service = {
    streamsOutbound: new Map([['peer', { rawStream }]]),
    iasked: new Map<string, number>(),
    gossip: new Map<string, List[]>(),
    handleIWant: (_id: string) => new Array(entry.count).fill(message),
    handleIHave: (id: string, [list]: List[]): List[] => {
      const messageIDs = list?.messageIDs ?? []
      service.iasked.set(id, (service.iasked.get(id) ?? 0) + messageIDs.length)
      return [{ messageIDs }]
    },
    pushGossip: (id: string, list: List) => {
      service.gossip.set(id, [...(service.gossip.get(id) ?? []), list])
    },
    sendRpc: (_id: string, { messages }: { messages: { data: Uint8Array }[] }) => {
      parts.push(messages)
      rawStream.writeBufferLength += bytesOf(messages)
    },
  }
  guardGossipBatches(service, LIMITS)
  const answer = () => {
    parts.push(service.handleIWant('peer'))
    return parts
  }
  return { service, answer, rawStream }
}

test('what a peer asks for is sent in parts of few messages', () => {
  const parts = lab({ bytes: 1, count: 20 }).answer()
  assert.deepEqual(
    parts.map((part) => part.length),
    [8, 8, 4],
  )
})

test('and of few bytes, one that is longer by itself', () => {
  const short = lab({ bytes: 3_000, count: 8 }).answer()
  assert.equal(short.flat().length, 8)
  assert.ok(short.every((part) => part.length > 0 && bytesOf(part) <= LIMITS.bytes))
  const long = lab({ bytes: 12_000, count: 2 }).answer()
  assert.deepEqual(
    long.map((part) => part.length),
    [1, 1],
  )
})

test('no more of it than may wait for the peer', () => {
  const parts = lab({ bytes: 3_000, count: 1_000 }).answer()
  const sent = bytesOf(parts.flat())
  assert.ok(sent > LIMITS.unsentBytes / 2 && sent <= LIMITS.unsentBytes, `${sent}`)
  const { answer, rawStream } = lab({ bytes: 3_000, count: 10 })
  rawStream.writeBufferLength = LIMITS.unsentBytes
  assert.deepEqual(answer(), [[]])
})

test('from heartbeat to heartbeat a peer is asked for so many, and again after the next', () => {
  const { service } = lab({ bytes: 1, count: 0 })
  const hear = (count: number) => service.handleIHave('peer', [{ messageIDs: ids(count) }])
  assert.equal(hear(4)[0]?.messageIDs.length, 4)
  assert.equal(hear(400)[0]?.messageIDs.length, 6)
  assert.deepEqual(hear(1), [])
  // As the library does at a heartbeat.
  service.iasked.clear()
  assert.equal(hear(400)[0]?.messageIDs.length, 10)
})

test('a peer is told so many IDs in a list, and so many at a heartbeat', () => {
  const { service } = lab({ bytes: 1, count: 0 })
  for (const topicID of ['a', 'b', 'c', 'd'])
    service.pushGossip('peer', { topicID, messageIDs: ids(400) })
  assert.deepEqual(
    service.gossip.get('peer')?.map((list) => [list.topicID, list.messageIDs.length]),
    [
      ['a', 50],
      ['b', 50],
      ['c', 20],
    ],
  )
})
