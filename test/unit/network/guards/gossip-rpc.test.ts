import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'

import type { GossipRpcLimits } from '../../../../src/network/guards/gossip-budget.ts'
import {
  type GossipRpcGuardParts,
  guardGossipRpc,
} from '../../../../src/network/guards/gossip-rpc.ts'
import { hostLimits } from '../../../../src/network/limits.ts'

const ample = { burst: 1000, perSecond: 0 }
const LIMITS: GossipRpcLimits = {
  rpcs: ample,
  messages: ample,
  controls: ample,
  refusals: ample,
  subscriptions: ample,
  messagesInAll: { strangers: ample, known: ample },
  patience: ample,
  maxPeers: 10,
  backoffSeconds: 600,
}

/** What a message says of its author: a station of this network, or one with another kind of key. */
async function authorOf(type: 'Ed25519' | 'secp256k1') {
  const { publicKey } = await generateKeyPair(type)
  return { from: publicKey.toMultihash().bytes, key: publicKeyToProtobuf(publicKey) }
}
const STATION = await authorOf('Ed25519')

interface Message {
  topic?: string
  from?: Uint8Array
  key?: Uint8Array
}

interface Rpc {
  messages?: Message[]
  subscriptions?: { topic: string }[]
  control?: {
    graft?: { topicID: string }[]
    prune?: { topicID: string; backoff?: number }[]
    ihave?: { topicID: string; messageIDs: Uint8Array[] }[]
    iwant?: { messageIDs: Uint8Array[] }[]
    idontwant?: { messageIDs: Uint8Array[] }[]
  }
}

/** A service that notes what it is handed, and what was reported. */
function guarded(limits: Partial<GossipRpcLimits> = {}, turns?: GossipRpcGuardParts['turns']) {
  const handled: Rpc[] = []
  const reports: string[] = []
  const clock = { nowMs: 0, now: () => clock.nowMs }
  let dropped = 0
  const gossip = {
    peers: new Map<string, string>(),
    decodeRpc: (bytes: Uint8Array): Rpc => {
      if (bytes.length > 0) throw new Error('no RPC')
      return {}
    },
    handleReceivedRpc: async (_from: string, rpc: Rpc) => void handled.push(rpc),
    handleReceivedMessage: async () => {
      const untilMs = performance.now() + 0.25
      while (performance.now() < untilMs);
    },
  }
  guardGossipRpc(gossip, {
    limits: { ...LIMITS, ...limits },
    isSubscribed: (topic) => topic === 'ours',
    isKnown: (peerId) => peerId.startsWith('known'),
    onDropped: () => {
      dropped += 1
    },
    report: (peerId, offence, points) => reports.push(`${peerId} ${offence} ${points}`),
    clock,
    turns,
  })
  const send = (rpc: Rpc, from = 'peer') => {
    gossip.peers.set(from, from)
    return gossip.handleReceivedRpc(from, rpc)
  }
  const sendBytes = (length: number) => send(gossip.decodeRpc(new Uint8Array(length)))
  const leave = (from: string) => gossip.peers.delete(from)
  const check = () => gossip.handleReceivedMessage()
  return { send, sendBytes, leave, check, handled, reports, clock, dropped: () => dropped }
}

const ours = { topic: 'ours', ...STATION }
const messages = (count: number) => Array.from({ length: count }, () => ({ ...ours }))

test('messages of topics that nobody joined are dropped, the rest is handled', async () => {
  const { send, handled, dropped, reports } = guarded()
  await send({ messages: [ours, { ...ours, topic: 'theirs' }, STATION] })
  assert.deepEqual(handled[0]?.messages, [ours])
  assert.equal(dropped(), 2)
  assert.deepEqual(reports, [])
})

test('a message whose author has another key than stations have takes nothing of what all share', async () => {
  const rate = { burst: 2, perSecond: 0 }
  const { send, handled, dropped } = guarded({ messagesInAll: { strangers: rate, known: rate } })
  const slow = await authorOf('secp256k1')
  const hashed = Uint8Array.from([0x12, 0x20, ...new Uint8Array(32)])
  const others: Message[] = [
    { ...ours, ...slow },
    { topic: 'ours', from: slow.from },
    { ...ours, key: slow.key },
    { ...ours, from: hashed, key: new Uint8Array(805) },
    { ...ours, from: hashed },
    { ...ours, from: STATION.from.subarray(0, 37) },
    { ...ours, key: new Uint8Array(0) },
    { topic: 'ours' },
  ]
  const { key: _, ...withoutKey } = ours
  await send({ messages: [...others, ours, withoutKey] })
  assert.deepEqual(handled[0]?.messages, [ours, withoutKey])
  assert.equal(dropped(), others.length)
})

test('who goes on with keys of another kind is reported', async () => {
  const { send, reports } = guarded({ patience: { burst: 20, perSecond: 0 } })
  const slow = { ...ours, ...(await authorOf('secp256k1')) }
  for (let i = 0; i < 20; i++) await send({ messages: [slow] })
  assert.deepEqual(reports, [])
  await send({ messages: [slow] })
  assert.deepEqual(reports, ['peer gossip_flood 100'])
})

test('a peer is read up to its rate of messages, and others all the same', async () => {
  const { send, handled, dropped, clock } = guarded({ messages: { burst: 10, perSecond: 5 } })
  await send({ messages: messages(25) })
  assert.equal(handled[0]?.messages?.length, 10)
  assert.equal(dropped(), 15)
  await send({ messages: messages(3) }, 'other')
  assert.equal(handled[1]?.messages?.length, 3)
  clock.nowMs += 1000
  await send({ messages: messages(25) })
  assert.equal(handled[2]?.messages?.length, 5)
})

test('RPCs beyond their rate are not handled at all, empty ones too', async () => {
  const { send, handled } = guarded({ rpcs: { burst: 3, perSecond: 0 } })
  for (let i = 0; i < 10; i++) await send({})
  assert.equal(handled.length, 3)
})

test('frames that are no RPC count as RPCs, and who goes on with them is reported', async () => {
  const limits = { rpcs: { burst: 30, perSecond: 0 }, patience: { burst: 20, perSecond: 0 } }
  const { send, sendBytes, handled, reports } = guarded(limits)
  await sendBytes(0)
  assert.equal(handled.length, 1, 'an RPC of nothing is one')
  for (let i = 0; i < 20; i++) await sendBytes(15)
  assert.deepEqual(reports, [])
  await sendBytes(15)
  assert.deepEqual(reports, ['peer gossip_flood 100'])
  assert.equal(handled.length, 1)
  for (let i = 0; i < 20; i++) await send({}, 'peer')
  assert.equal(handled.length, 9, 'what is left of its RPCs')
})

test('subscriptions and control messages have rates', async () => {
  const { send, handled } = guarded({
    subscriptions: { burst: 4, perSecond: 0 },
    controls: { burst: 4, perSecond: 0 },
  })
  await send({ subscriptions: Array.from({ length: 9 }, () => ({ topic: 'ours' })) })
  assert.equal(handled[0]?.subscriptions?.length, 4)
  const ihave = [{ topicID: 'ours', messageIDs: new Array(640).fill(new Uint8Array(1)) }]
  await send({ control: { ihave } })
  assert.equal(handled[1]?.control, undefined)
})

test('a message ID that is longer than any is read with nothing that came beside it, and counts by its bytes', async () => {
  const { send, handled, reports } = guarded({ patience: { burst: 3000, perSecond: 0 } })
  const told = (bytes: number) => [{ topicID: 'ours', messageIDs: [new Uint8Array(bytes)] }]
  const asked = (bytes: number) => [{ messageIDs: [new Uint8Array(bytes)] }]
  await send({ control: { ihave: told(64), iwant: asked(64) } })
  assert.ok(handled[0]?.control)
  for (const control of [
    { ihave: told(65) },
    { iwant: asked(65) },
    { ihave: [...told(44), ...told(65)] },
    { ihave: told(100_000), graft: [{ topicID: 'ours' }] },
  ]) {
    await send({ messages: messages(1), control })
    assert.equal(handled.at(-1)?.control, undefined)
    assert.equal(handled.at(-1)?.messages?.length, 1)
  }
  assert.deepEqual(reports, [])
  await send({ control: { iwant: asked(100_000) } })
  assert.deepEqual(reports, ['peer gossip_flood 100'])
})

test('a neighbour that refuses each message of a flood is no flood itself, and nothing is done with it', async () => {
  const limits = hostLimits(512).gossipRpc
  const { send, handled, reports, clock } = guarded(limits)
  const { strangers, known } = limits.messagesInAll
  const refusal = { control: { idontwant: [{ messageIDs: [new Uint8Array(44)] }] } }
  // All that its own limits let it read.
  for (let i = 0; i < strangers.burst + known.burst; i++) await send(refusal)
  for (let i = 0; i < 20 * (strangers.perSecond + known.perSecond); i++) {
    clock.nowMs += 1000 / (strangers.perSecond + known.perSecond)
    await send(refusal)
  }
  assert.deepEqual(reports, [])
  assert.equal(handled.length, 0)
  await send({ messages: messages(1), ...refusal })
  assert.equal(handled[0]?.messages?.length, 1, 'the rest is read beside it')
})

test('refusals have a rate all the same, and lists of nothing and of many count', async () => {
  const limits = { refusals: { burst: 10, perSecond: 0 }, patience: { burst: 20, perSecond: 0 } }
  const { send, reports } = guarded(limits)
  const many = { control: { idontwant: [{ messageIDs: new Array(9).fill(new Uint8Array(44)) }] } }
  const none = { control: { idontwant: [{ messageIDs: [] }] } }
  await send(many)
  for (let i = 0; i < 3; i++) await send(none)
  for (let i = 0; i < 2; i++) await send(many)
  assert.deepEqual(reports, [])
  await send(none)
  assert.deepEqual(reports, ['peer gossip_flood 100'])
})

test('a topic is grafted and pruned once in an RPC, and for no longer than ten minutes', async () => {
  const { send, handled } = guarded()
  const graft = Array.from({ length: 100 }, (_, i) => ({ topicID: `topic-${i % 2}` }))
  const prune = [
    { topicID: 'a', backoff: 5 },
    { topicID: 'b', backoff: 2 ** 50 },
    { topicID: 'b', backoff: 2 ** 50 },
  ]
  await send({ control: { graft, prune } })
  assert.equal(handled[0]?.control?.graft?.length, 2)
  assert.deepEqual(handled[0]?.control?.prune, [
    { topicID: 'a', backoff: 5 },
    { topicID: 'b', backoff: 600 },
  ])
})

test('who goes on although nothing is read is reported, who pauses is not', async () => {
  const limits = {
    messages: { burst: 1, perSecond: 0 },
    patience: { burst: 20, perSecond: 10 },
  }
  const { send, reports, clock } = guarded(limits)
  for (let i = 0; i < 30; i++) {
    clock.nowMs += 1000
    await send({ messages: messages(5) }, 'slow')
  }
  assert.deepEqual(reports, [])
  for (let i = 0; i < 5; i++) await send({ messages: messages(5) }, 'fast')
  assert.deepEqual(reports, ['fast gossip_flood 100'])
})

test('an honest station that tells all it may is read in full', async () => {
  const limits = hostLimits(512).gossipRpc
  const { send, handled, reports, clock } = guarded(limits)
  // Its own burst and the burst of all others that it passes on, then both rates, a message to an RPC.
  for (let i = 0; i < 512 + 1024; i++) await send({ messages: messages(1) })
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 250; i++) {
      clock.nowMs += 4
      await send({ messages: messages(1), control: { graft: [{ topicID: 'ours' }] } })
    }
  }
  assert.equal(handled.length, 512 + 1024 + 60 * 250)
  assert.ok(handled.every((rpc) => rpc.messages?.length === 1))
  assert.deepEqual(reports, [])
})

test('strangers share what is checked in a second, and known stations are read beside them', async () => {
  const rate = { burst: 20, perSecond: 10 }
  const { send, handled, dropped, reports, clock } = guarded({
    messagesInAll: { strangers: rate, known: rate },
  })
  for (let i = 0; i < 10; i++) await send({ messages: messages(10) }, `stranger${i}`)
  const read = () => handled.reduce((sum, rpc) => sum + (rpc.messages?.length ?? 0), 0)
  assert.equal(read(), 20)
  assert.equal(dropped(), 80)
  await send({ messages: messages(15) }, 'known station')
  assert.equal(read(), 35)
  clock.nowMs += 1000
  await send({ messages: messages(15) }, 'stranger20')
  assert.equal(read(), 45)
  assert.deepEqual(reports, [], 'who comes too late is no flood')
})

test('what a peer sent that left before its turn takes nothing of what all share', async () => {
  const rate = { burst: 20, perSecond: 0 }
  const { promise: turn, resolve: begin } = Promise.withResolvers<void>()
  const limits = { messagesInAll: { strangers: rate, known: rate } }
  const { send, leave, handled } = guarded(limits, { take: () => turn })
  const sent = send({ messages: messages(20) }, 'gone')
  leave('gone')
  begin()
  await sent
  assert.equal(handled.length, 0)
  await send({ messages: messages(20) }, 'other')
  assert.equal(handled[0]?.messages?.length, 20)
})

/** Turns of the event loop that a timer had meanwhile. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  await work()
  clearInterval(timer)
  return turns
}

test('RPCs that came at once leave turns of the event loop to others', async () => {
  const { send, handled } = guarded()
  const turns = await turnsDuring(async () => {
    const untilMs = performance.now() + 250
    while (performance.now() < untilMs) await send({ messages: [] })
  })
  assert.ok(handled.length > 0)
  assert.ok(turns >= 10, `${turns} turns`)
})

test('so do the checks of many messages that came in one RPC', async () => {
  const { check } = guarded()
  const turns = await turnsDuring(async () => {
    for (let i = 0; i < 1000; i++) await check()
  })
  assert.ok(turns >= 10, `${turns} turns`)
})
