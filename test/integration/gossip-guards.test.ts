import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { RPC } from '@libp2p/gossipsub/message'
import { ScorePenalty } from '@libp2p/gossipsub/metrics'
import { createPeerScoreParams, PeerScore } from '@libp2p/gossipsub/score'

import { gossipsubOptions } from '../../src/network/gossip.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { quietLog } from '../../src/network/quiet-log.ts'
import type { MessageVerdict, PeerStream } from '../../src/network/types.ts'
import { createMetrics } from '../../src/telemetry/index.ts'
import { connect, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const TOPIC = 'topic'
/** What an operator exempts. */
const CAMPUS = '192.0.2.1'
const MESHSUB = '/meshsub/1.2.0'
const soon = () => AbortSignal.timeout(5_000)

function join(host: Host, verdict: MessageVerdict = 'accept'): number[] {
  const handled: number[] = []
  host.transport.subscribe(
    TOPIC,
    () => verdict,
    (_from, bytes) => handled.push(bytes[0] ?? 0),
  )
  return handled
}

/** Whether each has the other's subscription. */
async function subscribedToEachOther(one: Host, other: Host): Promise<void> {
  await waitFor(
    () =>
      one.transport.subscribers(TOPIC).includes(other.peerId) &&
      other.transport.subscribers(TOPIC).includes(one.peerId),
    { message: 'both know of the subscription' },
  )
}

/** Sends bytes on a gossip stream of its own until the other side ends it, and says how many times. */
async function flood(stream: PeerStream, bytes: Uint8Array, most: number): Promise<number> {
  for (let count = 0; count < most; count++) {
    try {
      await stream.send(bytes, soon())
    } catch {
      return count
    }
  }
  return most
}

/** Members of the library that its types do not tell of. */
function inner(host: Host, ...path: readonly string[]): Map<unknown, unknown> {
  let value: unknown = host.libp2p.services.gossipsub
  for (const member of path) value = Reflect.get(value as object, member)
  return value as Map<unknown, unknown>
}

/** What gossip thinks of a peer that shares its address with so many others. */
function scoreAmong(count: number, ip: string): number {
  const options = gossipsubOptions(
    hostLimits(512),
    () => 0,
    (one) => one === CAMPUS,
  )
  const params = createPeerScoreParams(options.scoreParams ?? {})
  const score = new PeerScore(params, null, quietLog, { scoreCacheValidityMs: 0 })
  for (let i = 0; i < count; i++) {
    score.addPeer(`peer-${i}`)
    score.addIP(`peer-${i}`, ip)
  }
  return score.score('peer-0')
}

/** What gossip thinks at worst of a peer that missed so many answers a second, for ten seconds. */
function scoreAfterMissing(perSecond: number): number {
  const { scoreParams = {} } = gossipsubOptions(hostLimits(512), () => 0)
  const score = new PeerScore(createPeerScoreParams(scoreParams), null, quietLog, {
    scoreCacheValidityMs: 0,
  })
  score.addPeer('peer')
  let worst = 0
  for (let second = 0; second < 10; second++) {
    score.addPenalty('peer', perSecond, ScorePenalty.BrokenPromise)
    worst = Math.min(worst, score.score('peer'))
    score.refreshScores()
  }
  return worst
}

test('a peer whose answers were dropped here is no worse than any other, and one that never answers is', () => {
  assert.equal(scoreAfterMissing(1), 0)
  assert.equal(scoreAfterMissing(2), 0)
  assert.ok(scoreAfterMissing(10) < -80, 'as many as the library asks for')
})

test('clients that share an address still gossip, and a campus of any size', () => {
  assert.equal(scoreAmong(15, '198.51.100.1'), 0)
  assert.equal(scoreAmong(20, '198.51.100.1'), 0)
  assert.ok(scoreAmong(60, '198.51.100.1') < -80, 'a farm of peers does not')
  assert.equal(scoreAmong(500, CAMPUS), 0)
  assert.equal(scoreAmong(500, '192.168.1.1'), 0)
})

test('a peer that left counts no longer among those of its address', async (t) => {
  const server = await startHost(t)
  join(server)
  for (let i = 0; i < 6; i++) {
    const client = await startHost(t)
    await connect(client, server)
    await waitFor(() => inner(server, 'peers').has(client.peerId), { message: 'introduced' })
    await client.stop()
  }
  await waitFor(() => inner(server, 'score', 'peerStats').size === 0, {
    message: 'nobody is remembered who is gone',
  })
  assert.equal(inner(server, 'score', 'peerIPs').size, 0)
})

test('a peer that says nothing for long is no worse than any other', async (t) => {
  const [quiet, server] = [await startHost(t), await startHost(t)]
  join(quiet)
  join(server)
  await connect(quiet, server)
  await subscribedToEachOther(quiet, server)
  const stats = () =>
    inner(server, 'score', 'peerStats').get(quiet.peerId) as
      | { topics: object; behaviourPenalty: number }
      | undefined
  await waitFor(() => (inner(server, 'mesh').get(TOPIC) as Set<string>).has(quiet.peerId), {
    message: 'it is in the mesh',
  })
  // A topic that is scored would count what it did not deliver.
  assert.deepEqual(stats()?.topics, {})
  assert.equal(stats()?.behaviourPenalty, 0)
})

test('a mute peer holds up the gossip of nobody else', async (t) => {
  const server = await startHost(t)
  join(server)
  for (let i = 0; i < 3; i++) await connectMute(t, server)
  const honest = await startHost(t)
  const handled = join(honest)
  const startedAtMs = performance.now()
  await connect(honest, server)
  await subscribedToEachOther(honest, server)
  const { outboundStreamProtocolNegotiationTimeout: oneMs } = hostLimits(1_024).connectionManager
  assert.ok(performance.now() - startedAtMs < 2 * oneMs, 'they were not waited for in turn')
  await server.transport.publish(TOPIC, new Uint8Array([3]))
  await waitFor(() => handled.length === 1, { message: 'the message' })
})

/** A peer that takes gossip streams and never says so. */
async function connectMute(t: TestContext, server: Host): Promise<void> {
  const mute = await startHost(t, { dht: null })
  await connect(mute, server)
  const [connection] = mute.libp2p.getConnections()
  assert.ok(connection)
  // Only the negotiation of streams that the other side opens goes unanswered.
  const muxer = Reflect.get(connection, 'muxer')
  const streams = Reflect.get(connection, 'onIncomingStream')
  if (typeof streams === 'function') {
    muxer.removeEventListener('stream', streams)
    Reflect.set(connection, 'onIncomingStream', () => {})
    muxer.addEventListener('stream', () => {})
  }
}

test('five thousand messages are not judged, and who goes on is sent away', async (t) => {
  const metrics = createMetrics()
  const [attacker, server] = [await startHost(t), await startHost(t, {}, { metrics })]
  let judged = 0
  server.transport.subscribe(
    TOPIC,
    () => {
      judged += 1
      return 'ignore'
    },
    () => {},
  )
  await connect(attacker, server)
  await waitFor(() => server.peers()[0]?.isStation, { message: 'identified' })
  const stream = await attacker.transport.open(server.peerId, MESHSUB, soon())
  // Nothing but an RPC's length, its field and a message of 10 bytes on a topic nobody joined.
  const message = Buffer.from([0x0a, 0x12, 0x08, 0x22, 0x06, ...Buffer.from('theirs')])
  const sent = await flood(stream, Buffer.concat(new Array(100).fill(message)), 500)
  await waitFor(() => server.standing.isShunned(attacker.peerId), { message: 'it is shunned' })
  assert.ok(sent < 500 || server.peers().length === 0)
  assert.equal(judged, 0)
  assert.match(await metrics.text(), /peers_shunned_total\{offence="gossip_flood"\} 1/)
})

test('who sends frames that are no gossip is sent away', async (t) => {
  const [attacker, server] = [await startHost(t), await startHost(t)]
  join(server)
  await connect(attacker, server)
  await waitFor(() => server.peers()[0]?.isStation, { message: 'identified' })
  const stream = await attacker.transport.open(server.peerId, MESHSUB, soon())
  const frame = Buffer.concat([Buffer.from([15]), Buffer.alloc(15)])
  await flood(stream, Buffer.concat(new Array(4_096).fill(frame)), 16)
  await waitFor(() => server.standing.isShunned(attacker.peerId), { message: 'it is shunned' })
})

/** An RPC's bytes with one message, correctly signed. */
async function signedRpc(type: 'Ed25519' | 'secp256k1'): Promise<Uint8Array> {
  const privateKey = await generateKeyPair(type)
  const { publicKey } = privateKey
  const message = {
    from: publicKey.toMultihash().bytes,
    data: Buffer.from(type),
    seqno: Buffer.alloc(8, 1),
    topic: TOPIC,
  }
  const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), RPC.Message.encode(message)])
  const signature = await privateKey.sign(signed)
  const key = publicKeyToProtobuf(publicKey)
  return RPC.encode({ subscriptions: [], messages: [{ ...message, signature, key }] })
}

test('a message is judged of an author with an Ed25519 key, and of no other', async (t) => {
  const [client, server] = [await startHost(t), await startHost(t)]
  const judged: string[] = []
  server.transport.subscribe(
    TOPIC,
    (_from, bytes) => {
      judged.push(Buffer.from(bytes).toString())
      return 'ignore'
    },
    () => {},
  )
  await connect(client, server)
  await waitFor(() => server.peers()[0]?.isStation, { message: 'identified' })
  const stream = await client.transport.open(server.peerId, MESHSUB, soon())
  for (const type of ['secp256k1', 'Ed25519'] as const) {
    const rpc = await signedRpc(type)
    const length = Buffer.from([(rpc.length & 0x7f) | 0x80, rpc.length >> 7])
    await stream.send(Buffer.concat([length, rpc]), soon())
  }
  await waitFor(() => judged.includes('Ed25519'), { message: 'the station’s message' })
  assert.deepEqual(judged, ['Ed25519'])
})

test('messages that are known by ID are bounded, however many come', async (t) => {
  const limits = { ...hostLimits(1_024), gossipSeen: 20 }
  const [client, server] = [await startHost(t), await startHost(t, { limits })]
  join(client)
  const handled = join(server)
  await connect(client, server)
  await subscribedToEachOther(client, server)
  for (let i = 0; i < 60; i++) await client.transport.publish(TOPIC, new Uint8Array([i]))
  await waitFor(() => handled.length === 60, { message: 'all messages' })
  assert.ok(inner(server, 'seenCache', 'entries').size <= 20)
  assert.ok(inner(server, 'score', 'deliveryRecords', 'records').size <= 20)
})

test('only the stream is reset: it is opened again and messages flow, on the same connection', async (t) => {
  const [client, server] = [await startHost(t), await startHost(t)]
  const handled = join(client)
  join(server)
  await connect(client, server)
  await subscribedToEachOther(client, server)
  const [connection] = server.libp2p.getConnections()
  const gossip = () =>
    connection?.streams.filter(({ protocol }) => protocol.includes('meshsub')) ?? []
  assert.equal(gossip().length, 2)
  for (const stream of gossip()) stream.abort(new Error('lost'))
  await waitFor(() => gossip().length === 0, { message: 'both are gone' })
  assert.equal(await server.transport.publish(TOPIC, new Uint8Array([1])).catch(() => 0), 0)
  await server.healGossip()
  await client.healGossip()
  await subscribedToEachOther(client, server)
  await server.transport.publish(TOPIC, new Uint8Array([2]))
  await waitFor(() => handled.includes(2), { message: 'the message after' })
  assert.equal(connection?.status, 'open')
})
