import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Host } from '../../src/network/host.ts'
import {
  createSigner,
  inner,
  MESHSUB,
  rpcFrame,
  soon,
  startAttacker,
  TOPIC,
} from '../support/gossip-attacker.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const LISTS = ['peers', 'peerTopicBytes', 'idontwants', 'acceptFromWhitelist', 'streamsInbound']

/** What the host notes of gossip's peers; each is 0 when none is there. */
function noted(host: Host): Record<string, number> {
  const meshes = [...inner<Map<string, Set<string>>>(host, 'mesh').values()]
  return {
    ...Object.fromEntries(LISTS.map((list) => [list, inner(host, list).size])),
    topics: inner(host, 'topics').size,
    mesh: meshes.reduce((sum, { size }) => sum + size, 0),
    subscribers: host.transport.subscribers(TOPIC).length,
  }
}

const NOTHING = Object.fromEntries(
  [...LISTS, 'topics', 'mesh', 'subscribers'].map((list) => [list, 0]),
)

const subscriptions = [TOPIC, ...Array.from({ length: 40 }, (_, i) => `other ${i}`)].map(
  (topic) => ({ topic, subscribe: true }),
)
const JOIN = {
  subscriptions,
  control: {
    graft: [{ topicID: TOPIC }],
    idontwant: [{ messageIDs: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] }],
  },
}

/** Counts the messages that are judged; each takes so long. */
function join(host: Host): { judged: number; handled: number[] } {
  const seen: { judged: number; handled: number[] } = { judged: 0, handled: [] }
  host.transport.subscribe(
    TOPIC,
    () => {
      seen.judged += 1
      return 'accept'
    },
    (_from, bytes) => void seen.handled.push(bytes[0] ?? 0),
  )
  return seen
}

/** Gossip streams that peers opened. */
function gossipStreams(host: Host): number {
  const streams = host.libp2p.getConnections().flatMap((connection) => connection.streams)
  return streams.filter(({ direction, protocol }) => {
    return direction === 'inbound' && protocol === MESHSUB
  }).length
}

test('a peer that left is noted nowhere, whatever of it is read afterwards, and a newcomer has its place', async (t) => {
  const server = await startHost(t, { dht: null })
  const seen = join(server)
  const rounds = 3
  for (let round = 1; round <= rounds; round++) {
    const { host, send, sign } = await startAttacker(t, server)
    const messages = await Promise.all(Array.from({ length: 40 }, () => sign(Buffer.from([1]))))
    await send({ messages }, JOIN)
    for (const connection of host.libp2p.getConnections()) connection.abort(new Error('bye'))
    await waitFor(() => server.libp2p.getConnections().length === 0, { message: 'it is gone' })
  }
  const honest = await startHost(t, { dht: null })
  const heard = join(honest)
  await connect(honest, server)
  await waitFor(() => inner<Map<string, Set<string>>>(server, 'mesh').get(TOPIC)?.size === 1, {
    message: 'the newcomer is grafted',
  })
  await server.transport.publish(TOPIC, Buffer.from([7]))
  await waitFor(() => heard.handled.includes(7), { message: 'the newcomer hears of a message' })
  // Its own message comes after all that was left to read.
  await honest.transport.publish(TOPIC, Buffer.from([8]))
  await waitFor(() => seen.handled.includes(8), { message: 'the server hears of the newcomer' })
  assert.deepEqual(server.transport.subscribers(TOPIC), [honest.peerId])
  await honest.stop()
  await waitFor(() => server.libp2p.getConnections().length === 0, { message: 'all are gone' })
  await waitFor(() => noted(server).peers === 0, { message: 'gossip heard of it' })
  assert.deepEqual(noted(server), NOTHING)
})

test('a stream that begins when its connection has ended brings nobody back', async (t) => {
  const server = await startHost(t, { dht: null })
  const { host } = await startAttacker(t, server)
  const [connection] = server.libp2p.getConnections()
  await host.stop()
  await waitFor(() => noted(server).peers === 0, { message: 'it is gone' })
  let isReset = false
  const stream = { abort: () => (isReset = true) }
  const { gossipsub } = server.libp2p.services
  const begin: unknown = Reflect.get(gossipsub, 'onIncomingStream')
  assert.ok(typeof begin === 'function')
  Reflect.apply(begin, gossipsub, [stream, connection])
  assert.ok(isReset)
  assert.deepEqual(noted(server), NOTHING)
})

test('reading ends with the peer, though all was received before', async (t) => {
  const server = await startHost(t, { dht: null })
  const seen = join(server)
  const { host, stream, sign } = await startAttacker(t, server)
  const frames: Uint8Array[] = []
  for (let i = 0; i < 400; i++) frames.push(rpcFrame({ messages: [await sign(Buffer.from([1]))] }))
  await stream.send(Buffer.concat(frames), soon())
  await waitFor(() => seen.judged > 0, { message: 'it is read' })
  server.disconnect(host.peerId)
  await waitFor(() => noted(server).peers === 0, { message: 'it is gone' })
  const { judged } = seen
  const { send } = await startAttacker(t, server)
  await send({ messages: [await (await createSigner())(Buffer.from([9]))] })
  await waitFor(() => seen.handled.includes(9), { message: 'another peer is read' })
  assert.ok(judged < 400)
  assert.ok(seen.judged - judged <= 2, `${seen.judged - judged} messages after it left`)
})

test('a stream that a peer replaced takes nothing with it when it fails', async (t) => {
  const server = await startHost(t, { dht: null })
  const seen = join(server)
  const { host, stream, send, sign } = await startAttacker(t, server)
  await send({ ...JOIN, messages: [await sign(Buffer.from([1]))] })
  await waitFor(() => seen.handled.includes(1), { message: 'the first stream is read' })
  const second = await host.transport.open(server.peerId, MESHSUB, soon())
  await second.send(rpcFrame({ messages: [await sign(Buffer.from([2]))] }), soon())
  await waitFor(() => seen.handled.includes(2), { message: 'the second stream is read' })
  const open = gossipStreams(server)
  stream.abort(new Error('lost'))
  await waitFor(() => gossipStreams(server) === open - 1, { message: 'the first is gone' })
  await second.send(rpcFrame({ messages: [await sign(Buffer.from([3]))] }), soon())
  await waitFor(() => seen.handled.includes(3), { message: 'the second stream is read on' })
  assert.ok(server.transport.subscribers(TOPIC).includes(host.peerId))
})

test('a stream whose reading fails is reset, and messages flow both ways after a round of healing', async (t) => {
  const [sender, reader] = [await startHost(t, { dht: null }), await startHost(t, { dht: null })]
  const [atSender, atReader] = [join(sender), join(reader)]
  await connect(reader, sender)
  const isLinked = () =>
    inner<Map<string, Set<string>>>(sender, 'topics').get(TOPIC)?.has(reader.peerId) &&
    inner<Map<string, Set<string>>>(reader, 'topics').get(TOPIC)?.has(sender.peerId) &&
    inner(sender, 'streamsOutbound').has(reader.peerId) &&
    inner(reader, 'streamsOutbound').has(sender.peerId)
  await waitFor(isLinked, { message: 'both know of the subscription' })
  // An RPC longer than the reader takes.
  inner<Map<string, { push(bytes: Uint8Array): void }>>(sender, 'streamsOutbound')
    .get(reader.peerId)
    ?.push(new Uint8Array(600_000))
  await waitFor(() => !inner(sender, 'streamsOutbound').has(reader.peerId), {
    message: 'the sender sees that nobody reads',
  })
  await waitFor(() => !inner(reader, 'streamsOutbound').has(sender.peerId), {
    message: 'the reader has removed it',
  })
  await sender.healGossip()
  await reader.healGossip()
  await waitFor(isLinked, { message: 'both know of the subscription again' })
  await sender.transport.publish(TOPIC, Buffer.from([1]))
  await reader.transport.publish(TOPIC, Buffer.from([2]))
  await waitFor(() => atReader.handled.includes(1), { message: 'what the sender says' })
  await waitFor(() => atSender.handled.includes(2), { message: 'what the reader says' })
})
