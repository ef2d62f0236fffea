import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { reader } from 'protons-runtime'
import { readMessage, sendMessage } from '../../src/network/relay/hop/message-stream.ts'
import {
  decodeStopMessage,
  encodeHopMessage,
  encodeStopMessage,
  HOP_PROTOCOL,
  HOP_TYPE,
  STATUS,
  STOP_PROTOCOL,
  STOP_TYPE,
} from '../../src/network/relay/hop/wire.ts'
import type { RelayVerdict } from '../../src/network/relay/types.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import { MovingClock } from '../support/moving-clock.ts'
import {
  askHop,
  attachHop,
  hopStream,
  relayLimits,
  startHop,
  startLibraryPeer,
  startUnlimitedRelay,
  type TestHop,
} from '../support/relay-hop.ts'
import { waitFor } from '../support/wait-for.ts'

const ECHO = '/test/echo/1.0.0'
const RESERVE = { type: HOP_TYPE.reserve }

function connectTo(peer: Libp2p | string) {
  const peerId = typeof peer === 'string' ? peerIdFromString(peer) : peer.peerId
  const id = peerId.toMultihash().bytes
  return { type: HOP_TYPE.connect, peer: { id, addresses: [] } }
}

async function dialRelay(peer: Libp2p, relay: TestHop): Promise<Connection> {
  return await peer.dial(multiaddr(relay.address))
}

/** Hop streams that the relay has open. */
function hopStreams(relay: TestHop): number {
  const streams = relay.host.libp2p.getConnections().flatMap((connection) => connection.streams)
  return streams.filter(({ protocol }) => protocol === HOP_PROTOCOL).length
}

async function serveEcho(peer: Libp2p): Promise<void> {
  const options = { runOnLimitedConnection: true }
  const echo = async (stream: Stream) => {
    for await (const chunk of stream) stream.send(chunk)
    await stream.close()
  }
  await peer.handle(ECHO, echo, options)
}

/** What comes back of some text. */
async function echoed(connection: Connection, text: string): Promise<string> {
  const stream = await connection.newStream(ECHO, { runOnLimitedConnection: true })
  stream.send(Buffer.from(text))
  void stream.close()
  let back = ''
  for await (const chunk of stream) back += Buffer.from(chunk.subarray()).toString()
  return back
}

function through(relay: Pick<TestHop, 'address'>, destination: Libp2p) {
  return multiaddr(`${relay.address}/p2p-circuit/p2p/${destination.peerId}`)
}

for (const kind of ['TCP', 'WebSocket'] as const) {
  test(`a client of the library is reached through the relay over ${kind}`, async (t) => {
    const ws = kind === 'TCP' ? null : { port: 0, tls: null }
    const limits = relayLimits({ circuits: { durationSeconds: 60, bytesPerDirection: 100_000 } })
    const listen = { hosts: ['127.0.0.1'], tcpPort: 0, ws }
    const relay = await startHop(t, { limits, host: { listen } })
    assert.equal(relay.address.includes('/ws/'), kind === 'WebSocket')
    const destination = await startLibraryPeer(t, [relay.address])
    await serveEcho(destination)
    const source = await startLibraryPeer(t)

    const connection = await source.dial(through(relay, destination))

    assert.ok(connection.remotePeer.equals(destination.peerId))
    assert.equal(await echoed(connection, 'both ways'), 'both ways')
    const [inbound] = destination.getConnections(source.peerId)
    for (const { limits: told } of [connection, inbound as Connection]) {
      assert.ok((told?.seconds ?? 0) > 50 && (told?.seconds ?? 0) <= 60, `${told?.seconds} s`)
      assert.ok((told?.bytes ?? 0n) > 50_000n && (told?.bytes ?? 0n) < 100_000n)
    }
    assert.deepEqual(relay.events.lines, ['reserved', 'circuitOpened'])
    const { reservations, circuits } = relay.hop.status()
    assert.deepEqual(
      reservations.map(({ client, isConnected }) => [client.peerId, client.host, isConnected]),
      [[destination.peerId.toString(), '127.0.0.1', true]],
    )
    assert.equal(circuits[0]?.source.peerId, source.peerId.toString())
    await connection.close()
    await waitFor(() => relay.events.lines.at(-1)?.startsWith('circuitEnded'), {
      message: 'the circuit ends with its connection',
    })
    assert.equal(relay.circuits.size, 0)
  })
}

test('a circuit that carried its bytes is cut, for both of its ends', async (t) => {
  const limits = relayLimits({ circuits: { bytesPerDirection: 50_000 } })
  const relay = await startHop(t, { limits })
  const destination = await startLibraryPeer(t, [relay.address])
  await serveEcho(destination)
  const source = await startLibraryPeer(t)
  const connection = await source.dial(through(relay, destination))
  assert.equal(await echoed(connection, 'few'), 'few')
  const back = await echoed(connection, 'many'.repeat(20_000)).catch(() => '')
  assert.ok(back.length < 80_000, `${back.length} bytes came back`)
  await waitFor(() => relay.events.lines.at(-1) === 'circuitEnded bytes', {
    message: 'the circuit ends for its bytes',
  })
  await waitFor(() => destination.getConnections(source.peerId).length === 0, {
    message: 'the destination hears of it',
  })
})

test('an answered reservation names the relay, its end in seconds, and what is signed', async (t) => {
  const relay = await startHop(t)
  const peer = await startLibraryPeer(t)
  const connection = await dialRelay(peer, relay)
  const beforeMs = Date.now()

  const { type, status, reservation, limit } = await askHop(connection, RESERVE)

  assert.deepEqual([type, status], [HOP_TYPE.status, STATUS.ok])
  assert.ok(reservation !== null)
  const { ttlSeconds } = relay.hop.status().limits.reservations
  const lasts = Number(reservation.expireSeconds) - beforeMs / 1_000
  assert.ok(lasts > ttlSeconds - 2 && lasts <= ttlSeconds + 5, `${lasts} s`)
  const { durationSeconds, bytesPerDirection } = relay.hop.status().limits.circuits
  assert.deepEqual(limit, { durationSeconds, dataBytes: BigInt(bytesPerDirection) })
  assert.deepEqual(
    reservation.addresses.map((bytes) => multiaddr(bytes).toString()),
    [relay.address],
  )
  assert.ok(reservation.voucher !== null)
  const envelope = await RecordEnvelope.openAndCertify(reservation.voucher, 'libp2p-relay-rsvp')
  assert.deepEqual([...envelope.payloadType], [3, 2])
  assert.ok(envelope.publicKey.equals(relay.host.libp2p.peerId.publicKey))
  const payload = reader(envelope.payload)
  const fields = [payload.uint32(), payload.bytes(), payload.uint32(), payload.bytes()]
  assert.deepEqual(fields, [
    (1 << 3) | 2,
    relay.host.libp2p.peerId.toMultihash().bytes,
    (2 << 3) | 2,
    peer.peerId.toMultihash().bytes,
  ])
  assert.deepEqual([payload.uint32(), payload.uint64()], [3 << 3, reservation.expireSeconds])
})

test('a refresh keeps the place and moves its end', async (t) => {
  const clock = new MovingClock(1_800_000_000_000)
  const relay = await startHop(t, { clock })
  const peer = await startLibraryPeer(t)
  const connection = await dialRelay(peer, relay)
  const first = await askHop(connection, RESERVE)
  clock.advance(600_000)
  const second = await askHop(connection, RESERVE)
  const gained =
    Number(second.reservation?.expireSeconds) - Number(first.reservation?.expireSeconds)
  assert.ok(gained >= 600 && gained < 610, `${gained} s`)
  assert.equal(relay.hop.status().reservations.length, 1)
  assert.deepEqual(relay.events.refreshes, [false, true])
})

test('the fifth peer of a host is refused, in the words of the specification', async (t) => {
  const limits = relayLimits({ reservations: { perHost: 4 } })
  const relay = await startHop(t, { limits })
  for (let i = 0; i < 4; i++) await startLibraryPeer(t, [relay.address])
  const fifth = await startLibraryPeer(t)
  const { status, reservation } = await askHop(await dialRelay(fifth, relay), RESERVE)
  assert.equal(status, STATUS.reservationRefused)
  assert.equal(reservation, null)
  await assert.rejects(startLibraryPeer(t, [relay.address]))
  assert.deepEqual(relay.events.lines.slice(4), [
    'reservationRefused reservations_host',
    'reservationRefused reservations_host',
  ])
})

test('twenty peers leave, and their places are free after the grace', async (t) => {
  const clock = new MovingClock(Date.now())
  const limits = relayLimits({ reservations: { total: 20, graceMs: 60_000 } })
  const relay = await startHop(t, { limits, clock })
  const peers = await Promise.all(
    Array.from({ length: 20 }, () => startLibraryPeer(t, [relay.address])),
  )
  await Promise.all(peers.map((peer) => peer.stop()))
  await waitFor(() => relay.hop.status().reservations.every(({ isConnected }) => !isConnected), {
    message: 'the relay notices that all are gone',
  })
  const next = await startLibraryPeer(t)
  const connection = await dialRelay(next, relay)
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.reservationRefused)
  clock.advance(60_001)
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.ok)
  assert.equal(relay.hop.status().reservations.length, 1)
})

test('a peer that comes back within the grace has its place, and is not reached meanwhile', async (t) => {
  const clock = new MovingClock(Date.now())
  const relay = await startHop(t, { clock })
  const peer = await startLibraryPeer(t)
  const source = await dialRelay(await startLibraryPeer(t), relay)
  const first = await dialRelay(peer, relay)
  assert.equal((await askHop(first, RESERVE)).status, STATUS.ok)
  await first.close()
  await waitFor(() => relay.hop.status().reservations[0]?.isConnected === false, {
    message: 'the relay notices that it is gone',
  })
  assert.equal((await askHop(source, connectTo(peer))).status, STATUS.noReservation)
  clock.advance(59_000)
  await dialRelay(peer, relay)
  await waitFor(() => relay.hop.status().reservations[0]?.isConnected, {
    message: 'the relay notices that it is back',
  })
  clock.advance(59_000)
  assert.equal(relay.hop.status().reservations.length, 1)
  assert.deepEqual(relay.events.lines, ['reserved', 'circuitRefused no_reservation'])
})

test('a reservation that nobody refreshes runs out', async (t) => {
  const clock = new MovingClock(Date.now())
  const relay = await startHop(t, { clock })
  const peer = await startLibraryPeer(t)
  await askHop(await dialRelay(peer, relay), RESERVE)
  const source = await dialRelay(await startLibraryPeer(t), relay)
  clock.advance(relay.hop.status().limits.reservations.ttlSeconds * 1_000)
  assert.equal((await askHop(source, connectTo(peer))).status, STATUS.noReservation)
  await waitFor(() => relay.events.lines.includes('reservationEnded expired'), {
    message: 'its end is told',
  })
})

test('a relay whose month is used up gives no place and renews none, and asks no policy about it', async (t) => {
  const relay = await startHop(t, { limits: relayLimits({ monthlyBytes: 1 }) })
  const peer = await startLibraryPeer(t)
  const connection = await dialRelay(peer, relay)
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.ok)
  const newcomer = await startLibraryPeer(t)
  await assert.rejects(newcomer.dial(through(relay, peer)))
  await waitFor(() => relay.circuits.monthBytes === 1, { message: 'the byte is passed on' })
  relay.policy.asked.length = 0
  const unplaced = await dialRelay(newcomer, relay)
  for (const one of [connection, unplaced]) {
    const { status, reservation } = await askHop(one, RESERVE)
    assert.deepEqual([status, reservation], [STATUS.reservationRefused, null])
  }
  assert.deepEqual(relay.events.lines.slice(-2), Array(2).fill('reservationRefused quota'))
  assert.deepEqual(relay.policy.asked, [])
})

const varint = (value: number) =>
  value < 128 ? [value] : [(value & 127) | 128, ...[value >> 7].flat()]
const framed = (...bytes: number[]) => Uint8Array.from([...varint(bytes.length), ...bytes])

const UNREADABLE: Record<string, { raw: Uint8Array; status: number; reason: string }> = {
  'an empty message': { raw: framed(), status: 400, reason: 'malformed_message' },
  'a message without type': { raw: framed(0x28, 0x64), status: 400, reason: 'malformed_message' },
  'no protobuf': { raw: framed(0xff, 0xff, 0xff), status: 400, reason: 'malformed_message' },
  'a field that is cut off': {
    raw: framed(0x08, 0x01, 0x12, 0x10, 0x0a),
    status: 400,
    reason: 'malformed_message',
  },
  'a field numbered 0': { raw: framed(0x00, 0x01), status: 400, reason: 'malformed_message' },
  'a message of 4097 bytes': {
    raw: Uint8Array.from([0x81, 0x20]),
    status: 400,
    reason: 'malformed_message',
  },
  'a length without end': {
    raw: Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff]),
    status: 400,
    reason: 'malformed_message',
  },
  'CONNECT without a peer': { raw: framed(0x08, 0x01), status: 400, reason: 'malformed_message' },
  'CONNECT to a peer without id': {
    raw: framed(0x08, 0x01, 0x12, 0x00),
    status: 400,
    reason: 'malformed_message',
  },
  'CONNECT to what is no peer ID': {
    raw: framed(0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x01, 0x02),
    status: 400,
    reason: 'malformed_message',
  },
  STATUS: { raw: framed(0x08, 0x02, 0x28, 0x64), status: 401, reason: 'unexpected_message' },
  'a type that nobody knows': {
    raw: framed(0x08, 0x09),
    status: 401,
    reason: 'unexpected_message',
  },
}

test('what is no request is answered with the status that says so', async (t) => {
  const relay = await startHop(t)
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  for (const [name, { raw, status, reason }] of Object.entries(UNREADABLE)) {
    await t.test(name, async () => {
      const answer = await askHop(connection, { raw })
      assert.deepEqual([answer.type, answer.status], [HOP_TYPE.status, status])
      assert.equal(relay.events.lines.at(-1), `circuitRefused ${reason}`)
    })
  }
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.ok)
})

test('a request that ends too soon is malformed, and one that is reset is none', async (t) => {
  const relay = await startHop(t)
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  const ended = await hopStream(connection, { raw: Uint8Array.of(5, 8) })
  void ended.close()
  const { message } = await readMessage(ended, AbortSignal.timeout(5_000))
  assert.deepEqual([...message], [...encodeHopMessage({ type: HOP_TYPE.status, status: 400 })])
  const reset = await hopStream(connection, { raw: Uint8Array.of(5, 8) })
  reset.abort(new Error('never mind'))
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.ok)
  await waitFor(() => hopStreams(relay) === 0, { message: 'no stream is left open' })
})

test('a relay that nobody could be reached through refuses, and warns its operator once', async (t) => {
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (_: object, text: string) => warnings.push(text) }
  const addresses = { announced: () => [], bound: () => [] }
  const relay = await startHop(t, { addresses, logger })
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  for (let i = 0; i < 2; i++) {
    assert.equal((await askHop(connection, RESERVE)).status, STATUS.reservationRefused)
  }
  assert.deepEqual(relay.events.lines, Array(2).fill('reservationRefused no_address'))
  assert.equal(warnings.length, 1)
})

test('a request in single bytes, with fields that nobody knows, is a request', async (t) => {
  const relay = await startHop(t)
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  const raw = framed(0x7a, 0x02, 0x01, 0x02, 0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06, 0x08, 0x00)
  const stream = await hopStream(connection, { raw: raw.subarray(0, 1) })
  for (const byte of raw.subarray(1)) {
    stream.send(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { message } = await readMessage(stream, AbortSignal.timeout(5_000))
  assert.deepEqual([...message.subarray(0, 2)], [0x08, HOP_TYPE.status])
  assert.equal(relay.events.lines.at(-1), 'reserved')
})

test('nobody is dialled for a client, nor connected with itself or the relay', async (t) => {
  const relay = await startHop(t)
  const absent = await startLibraryPeer(t)
  const source = await startLibraryPeer(t)
  const connection = await dialRelay(source, relay)
  const id = absent.peerId.toMultihash().bytes
  const addresses = [multiaddr('/ip4/127.0.0.1/tcp/4001').bytes, Uint8Array.of(1, 2, 3)]
  const withAddress = { type: HOP_TYPE.connect, peer: { id, addresses } }
  assert.equal((await askHop(connection, withAddress)).status, STATUS.noReservation)
  assert.equal((await askHop(connection, connectTo(source))).status, STATUS.permissionDenied)
  assert.equal(
    (await askHop(connection, connectTo(relay.host.peerId))).status,
    STATUS.noReservation,
  )
  // Connected is not enough: it did not ask to be reached.
  await dialRelay(absent, relay)
  assert.equal((await askHop(connection, connectTo(absent))).status, STATUS.noReservation)
  const { direction } = relay.host.libp2p.getConnections(source.peerId)[0] as Connection
  assert.equal(direction, 'inbound')
  assert.deepEqual(relay.events.lines, [
    'circuitRefused no_reservation',
    'circuitRefused self',
    'circuitRefused no_reservation',
    'circuitRefused no_reservation',
  ])
})

test('a destination that refuses, or breaks the protocol, fails the connection', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t)
  await askHop(await dialRelay(destination, relay), RESERVE)
  const source = await dialRelay(await startLibraryPeer(t), relay)
  const answers: Record<string, (stream: Stream) => void> = {
    destination_refused: (stream) =>
      sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.status, status: 202 })),
    destination_failed: (stream) => stream.abort(new Error('no')),
  }
  for (const [reason, answer] of Object.entries(answers)) {
    await destination.unhandle(STOP_PROTOCOL)
    await destination.handle(STOP_PROTOCOL, answer)
    assert.equal((await askHop(source, connectTo(destination))).status, STATUS.connectionFailed)
    assert.equal(relay.events.lines.at(-1), `circuitRefused ${reason}`)
  }
  await destination.unhandle(STOP_PROTOCOL)
  assert.equal((await askHop(source, connectTo(destination))).status, STATUS.connectionFailed)
  assert.equal(relay.circuits.size, 0)
})

test('a relay without room for a circuit says so', async (t) => {
  const relay = await startHop(t, { limits: relayLimits({ circuits: { perSource: 0 } }) })
  const destination = await startLibraryPeer(t, [relay.address])
  const source = await dialRelay(await startLibraryPeer(t), relay)
  const { status } = await askHop(source, connectTo(destination))
  assert.equal(status, STATUS.resourceLimitExceeded)
  assert.equal(relay.events.lines.at(-1), 'circuitRefused circuits_source')
})

test('bytes right behind the handshake belong to the circuit, on both sides', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t)
  await askHop(await dialRelay(destination, relay), RESERVE)
  const source = await startLibraryPeer(t)
  const connection = await dialRelay(source, relay)
  const arrived = Promise.withResolvers<string>()
  await destination.unhandle(STOP_PROTOCOL)
  await destination.handle(STOP_PROTOCOL, async (stream) => {
    const { message, rest } = await readMessage(stream, AbortSignal.timeout(5_000))
    const { type, peer, limit } = decodeStopMessage(message)
    assert.equal(type, STOP_TYPE.connect)
    assert.deepEqual(peer, { id: source.peerId.toMultihash().bytes, addresses: [] })
    const { durationSeconds } = relay.hop.status().limits.circuits
    assert.equal(limit?.durationSeconds, durationSeconds)
    const status = encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok })
    stream.send(Buffer.concat([framed(...status), Buffer.from('from destination, ')]))
    stream.send(Buffer.from('and more'))
    let text = Buffer.from(rest).toString()
    stream.addEventListener('message', ({ data }) => {
      text += Buffer.from(data.subarray()).toString()
      if (text.endsWith('end')) arrived.resolve(text)
    })
    stream.resume()
  })
  const { type, peer } = connectTo(destination)
  const head = [0x08, type, 0x12, peer.id.length + 2, 0x0a, peer.id.length, ...peer.id]
  const raw = Buffer.concat([framed(...head), Buffer.from('from source, ')])
  const stream = await hopStream(connection, { raw })
  stream.send(Buffer.from('and the end'))

  const answer = await readMessage(stream, AbortSignal.timeout(5_000))

  let text = Buffer.from(answer.rest).toString()
  stream.addEventListener('message', ({ data }) => {
    text += Buffer.from(data.subarray()).toString()
  })
  stream.resume()
  assert.equal(await arrived.promise, 'from source, and the end')
  await waitFor(() => text === 'from destination, and more', { message: `no more than "${text}"` })
})

test('who sends a flood before the answer is cut off', async (t) => {
  const relay = await startHop(t)
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  const raw = Buffer.concat([framed(0x08, 0x00), Buffer.alloc(100_000)])
  assert.equal((await askHop(connection, { raw })).status, STATUS.malformedMessage)
  assert.equal(relay.hop.status().reservations.length, 0)
})

test('the policy is asked for a place and for a circuit', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t, [relay.address])
  const source = await startLibraryPeer(t)
  const connection = await dialRelay(source, relay)
  relay.policy.verdict = () => ({ isAllowed: false, reason: 'not_listed' })
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.permissionDenied)
  assert.equal((await askHop(connection, connectTo(destination))).status, STATUS.permissionDenied)
  assert.deepEqual(relay.events.lines.slice(1), [
    'reservationRefused not_listed',
    'circuitRefused not_listed',
  ])
  const asked = relay.policy.asked.at(-1)
  assert.deepEqual(asked, {
    kind: 'connect',
    client: { peerId: source.peerId.toString(), host: '127.0.0.1', subnet: '127.0.0.1' },
    destination: destination.peerId.toString(),
  })
})

test('who is not allowed any more loses its circuits and its place', async (t) => {
  const relay = await startHop(t)
  const [kept, lost] = await Promise.all([
    startLibraryPeer(t, [relay.address]),
    startLibraryPeer(t, [relay.address]),
  ])
  const source = await startLibraryPeer(t)
  const toKept = await source.dial(through(relay, kept))
  const toLost = await source.dial(through(relay, lost))
  relay.policy.verdict = ({ client }) =>
    client.peerId === lost.peerId.toString()
      ? { isAllowed: false, reason: 'revoked' }
      : { isAllowed: true }
  relay.policy.change()
  await waitFor(() => toLost.status !== 'open', { message: 'its circuit is cut' })
  assert.equal(toKept.status, 'open')
  assert.deepEqual(
    relay.hop.status().reservations.map(({ client }) => client.peerId),
    [kept.peerId.toString()],
  )
  assert.ok(relay.events.lines.includes('reservationEnded policy'))
  assert.ok(relay.events.lines.includes('circuitEnded policy'))
  relay.policy.verdict = ({ kind }) =>
    kind === 'connect' ? { isAllowed: false, reason: 'revoked' } : { isAllowed: true }
  relay.policy.change()
  await waitFor(() => toKept.status !== 'open', { message: 'the other circuit is cut' })
  assert.equal(relay.hop.status().reservations.length, 1)
})

test('a circuit that is not allowed any more ends alone', async (t) => {
  const relay = await startHop(t)
  const [kept, lost] = await Promise.all([
    startLibraryPeer(t, [relay.address]),
    startLibraryPeer(t, [relay.address]),
  ])
  const source = await startLibraryPeer(t)
  const toKept = await source.dial(through(relay, kept))
  const toLost = await source.dial(through(relay, lost))
  relay.policy.verdict = ({ destination }) =>
    destination === lost.peerId.toString()
      ? { isAllowed: false, reason: 'revoked' }
      : { isAllowed: true }
  relay.policy.change()
  await waitFor(() => toLost.status !== 'open', { message: 'its circuit is cut' })
  await waitFor(() => relay.hop.status().circuits.length <= 1, { message: 'it is gone' })
  assert.equal(relay.hop.status().circuits[0]?.destination.peerId, kept.peerId.toString())
  assert.equal(toKept.status, 'open')
})

test('a change of policy while a destination is asked shuts the circuit out', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t)
  await askHop(await dialRelay(destination, relay), RESERVE)
  await destination.unhandle(STOP_PROTOCOL)
  await destination.handle(STOP_PROTOCOL, async (stream) => {
    await readMessage(stream, AbortSignal.timeout(5_000))
    relay.policy.verdict = ({ kind }) =>
      kind === 'connect' ? { isAllowed: false, reason: 'revoked' } : { isAllowed: true }
    relay.policy.change()
    sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok }))
  })
  const source = await dialRelay(await startLibraryPeer(t), relay)
  assert.equal((await askHop(source, connectTo(destination))).status, STATUS.permissionDenied)
  assert.equal(relay.circuits.size, 0)
  assert.ok(!relay.events.lines.includes('circuitOpened'))
})

test('a destination that loses its place while it is asked is not reached', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t)
  await askHop(await dialRelay(destination, relay), RESERVE)
  await destination.unhandle(STOP_PROTOCOL)
  await destination.handle(STOP_PROTOCOL, async (stream) => {
    await readMessage(stream, AbortSignal.timeout(5_000))
    relay.policy.verdict = ({ kind }) =>
      kind === 'reserve' ? { isAllowed: false, reason: 'revoked' } : { isAllowed: true }
    relay.policy.change()
    const isFree = () => relay.hop.status().reservations.length === 0
    await waitFor(isFree, { message: 'its place is taken away' })
    sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.status, status: STATUS.ok }))
  })
  const source = await dialRelay(await startLibraryPeer(t), relay)
  assert.equal((await askHop(source, connectTo(destination))).status, STATUS.noReservation)
  assert.ok(!relay.events.lines.includes('circuitOpened'))
})

test('a peer that leaves while the policy is asked has a place that waits, and is not reached', async (t) => {
  const relay = await startHop(t)
  const { promise: verdict, resolve } = Promise.withResolvers<RelayVerdict>()
  relay.policy.verdict = () => verdict
  const peer = await startLibraryPeer(t)
  await hopStream(await dialRelay(peer, relay), RESERVE)
  await waitFor(() => relay.policy.asked.length === 1, { message: 'the question' })
  await peer.stop()
  await waitFor(() => relay.host.libp2p.getConnections(peer.peerId).length === 0, {
    message: 'it is gone',
  })
  resolve({ isAllowed: true })
  await waitFor(() => relay.events.lines.includes('reserved'), { message: 'its place' })
  assert.equal(relay.hop.status().reservations[0]?.isConnected, false)
})

test('a disconnected peer has no circuits', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t, [relay.address])
  const source = await startLibraryPeer(t)
  const connection = await source.dial(through(relay, destination))
  relay.host.disconnect(destination.peerId.toString())
  await waitFor(() => relay.hop.status().circuits.length === 0, { message: 'the circuit ends' })
  await waitFor(() => connection.status !== 'open', { message: 'the source hears of it' })
})

test('neither a place nor a circuit is given to those who come over another relay', async (t) => {
  const first = { address: await startUnlimitedRelay(t) }
  const behind = await startLibraryPeer(t, [first.address])
  const second = await attachHop(t, behind)
  const reserved = await startLibraryPeer(t)
  const client = await startLibraryPeer(t)
  const relayed = await client.dial(through(first, behind))
  assert.equal((await askHop(relayed, RESERVE)).status, STATUS.permissionDenied)
  assert.equal((await askHop(relayed, connectTo(reserved))).status, STATUS.permissionDenied)
  assert.deepEqual(second.events.lines, ['reservationRefused relayed', 'circuitRefused relayed'])
})

test('a relayed connection with limits is not served at all', async (t) => {
  const first = await startHop(t)
  const behind = await startLibraryPeer(t, [first.address])
  const second = await attachHop(t, behind)
  const client = await startLibraryPeer(t)
  const relayed = await client.dial(through(first, behind))
  const stream = await relayed.newStream(HOP_PROTOCOL, { runOnLimitedConnection: true })
  await waitFor(() => stream.status !== 'open', { message: 'the stream is reset' })
  assert.deepEqual(second.events.lines, [])
})

test('a stop ends what is going on, and a start begins anew', async (t) => {
  const relay = await startHop(t)
  const destination = await startLibraryPeer(t, [relay.address])
  const source = await startLibraryPeer(t)
  const connection = await source.dial(through(relay, destination))
  const silent = await hopStream(await dialRelay(source, relay), { raw: Uint8Array.of(5) })
  await Promise.all([relay.hop.stop(), relay.hop.stop()])
  assert.deepEqual(relay.events.lines.slice(2), [
    'circuitEnded stopped',
    'reservationEnded stopped',
  ])
  assert.equal(relay.policy.listenerCount, 0)
  await waitFor(() => connection.status !== 'open' && silent.status !== 'open', {
    message: 'both ends hear of it',
  })
  const direct = await dialRelay(source, relay)
  await assert.rejects(askHop(direct, RESERVE))
  await relay.hop.start()
  assert.equal((await askHop(direct, RESERVE)).status, STATUS.ok)
})

test('a peer that asks without end is answered that it is too fast', async (t) => {
  const clock = new MovingClock(Date.now())
  const relay = await startHop(t, { clock })
  const connection = await dialRelay(await startLibraryPeer(t), relay)
  let asked = 0
  while ((await askHop(connection, RESERVE)).status === STATUS.ok) {
    asked += 1
    assert.ok(asked < 200, 'the relay answers without end')
  }
  assert.ok(asked >= 20)
  assert.equal(relay.events.lines.at(-1), 'reservationRefused requests')
  clock.advance(2_000)
  assert.equal((await askHop(connection, RESERVE)).status, STATUS.ok)
})
