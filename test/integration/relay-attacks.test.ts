import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { readMessage } from '../../src/network/relay/hop/message-stream.ts'
import { STATUS } from '../../src/network/relay/hop/wire.ts'
import {
  accept,
  connectTo,
  countOf,
  hopStreams,
  openCircuit,
  RESERVE,
  startDestination,
  startEnd,
} from '../support/relay-ends.ts'
import { askHop, hopStream, relayLimits, startHop, startLibraryPeer } from '../support/relay-hop.ts'
import { watchUncaught } from '../support/uncaught.ts'
import { waitFor } from '../support/wait-for.ts'

const CHUNK = Buffer.alloc(32 * 1024, 7)

test('answers that nobody reads, and requests that nobody ends, end with their streams', async (t) => {
  const relay = await startHop(t)
  const greedy = await startEnd(t, relay)
  for (let count = 0; count < 20; count++) {
    const stream = await hopStream(greedy.connection, RESERVE)
    stream.pause()
  }
  const half = Uint8Array.of(40, 8, 0)
  for (let count = 0; count < 4; count++) await hopStream(greedy.connection, { raw: half })
  await waitFor(() => countOf(relay, 'reserved') === 20, { message: 'all are answered' })
  assert.equal(relay.hop.status().reservations.length, 1)
  await waitFor(() => hopStreams(relay) === 0, { timeoutMs: 14_000, message: 'nothing is left' })
})

test('a flood of circuits to one who never answers takes its places alone, for as long as it is there', async (t) => {
  const limits = relayLimits({ circuits: { perSource: 8, perDestination: 16 } })
  const relay = await startHop(t, { limits })
  const silent = await startDestination(t, relay, () => {})
  const honest = await startDestination(t, relay, accept)
  const sources = await Promise.all(Array.from({ length: 10 }, () => startEnd(t, relay)))
  const floods = sources.flatMap((source) =>
    Array.from({ length: 50 }, () => hopStream(source.connection, connectTo(silent))),
  )
  await Promise.allSettled(floods)
  await waitFor(() => relay.circuits.size === 16, { message: 'its places are taken' })
  const bystander = await startEnd(t, relay)
  const circuit = await openCircuit(bystander, honest)
  assert.equal(circuit.status, 'open')
  assert.equal(relay.circuits.size, 17)
  await silent.peer.stop()
  await waitFor(() => relay.circuits.size === 1, { message: 'the places are free' })
  assert.equal(countOf(relay, 'circuitOpened'), 1)
})

test('a source that resets its request frees the place before the destination has answered', async (t) => {
  const relay = await startHop(t)
  const silent = await startDestination(t, relay, () => {})
  const source = await startEnd(t, relay)
  const stream = await hopStream(source.connection, connectTo(silent))
  await waitFor(() => relay.circuits.size === 1, { message: 'its place' })
  stream.abort(new Error('enough'))
  // The destination has eight seconds.
  await waitFor(() => relay.circuits.size === 0, { timeoutMs: 5_000, message: 'it is free' })
})

test('who asks for circuits without end is answered that it is too fast', async (t) => {
  const relay = await startHop(t, { limits: relayLimits({ circuits: { perSource: 1 } }) })
  const nobody = { peer: await startLibraryPeer(t) }
  const { connection } = await startEnd(t, relay)
  const statuses = new Set<number | null>()
  for (let count = 0; count < 60 && !statuses.has(STATUS.resourceLimitExceeded); count++) {
    statuses.add((await askHop(connection, connectTo(nobody))).status)
  }
  assert.deepEqual([...statuses], [STATUS.noReservation, STATUS.resourceLimitExceeded])
  assert.equal(relay.events.lines.at(-1), 'circuitRefused requests')
})

test('a destination that takes circuits and resets them at once leaves nothing behind', async (t) => {
  const relay = await startHop(t)
  const hostile = await startDestination(t, relay, async (stream) => {
    await accept(stream)
    stream.abort(new Error('no'))
  })
  const source = await startEnd(t, relay)
  for (let count = 0; count < 40; count++) {
    const stream = await hopStream(source.connection, connectTo(hostile))
    await waitFor(() => stream.status !== 'open', { message: 'the source hears of it' })
  }
  await waitFor(() => hopStreams(relay) === 0, { message: 'no stream is left' })
  assert.equal(relay.circuits.size, 0)
  assert.equal(countOf(relay, 'circuitOpened'), countOf(relay, 'circuitEnded'))
})

test('a source that closed its side first is still answered by the destination', async (t) => {
  const relay = await startHop(t)
  const text = Buffer.from('after the end')
  const destination = await startDestination(t, relay, async (stream) => {
    await accept(stream)
    stream.resume()
    await waitFor(() => stream.remoteWriteStatus === 'closed', { message: 'the end came through' })
    stream.send(text)
    await stream.close()
  })
  const source = await startEnd(t, relay)
  const stream = await hopStream(source.connection, connectTo(destination))
  void stream.close()
  let back =
    (await readMessage(stream, AbortSignal.timeout(5_000))).rest.length === 0 ? '' : 'early'
  stream.addEventListener('message', ({ data }) => {
    back += Buffer.from(data.subarray()).toString()
  })
  stream.resume()
  await waitFor(() => back === String(text), { message: 'what came after the end' })
  await waitFor(() => relay.events.lines.includes('circuitEnded closed'), { message: 'its end' })
})

test('two circuits between the same two peers end one by one', async (t) => {
  const relay = await startHop(t)
  const destination = await startDestination(t, relay, accept)
  const source = await startEnd(t, relay)
  const first = await openCircuit(source, destination)
  const second = await openCircuit(source, destination)
  first.abort(new Error('enough'))
  await waitFor(() => relay.hop.status().circuits.length === 1, { message: 'one has ended' })
  assert.equal(second.status, 'open')
  assert.equal(relay.circuits.size, 1)
})

describe('an end that closes the connection of its circuit, both sides of which are closed', () => {
  for (const leaving of ['source', 'destination'] as const) {
    it(`as the ${leaving} it ends nothing, and what it sent is passed on`, async (t) => {
      const uncaught = watchUncaught(t)
      const relay = await startHop(t)
      const taken = Promise.withResolvers<Stream>()
      const ends = {
        source: await startEnd(t, relay),
        destination: await startDestination(t, relay, async (stream) => {
          await accept(stream)
          taken.resolve(stream)
        }),
      }
      const source = await openCircuit(ends.source, ends.destination)
      const streams = { source, destination: await taken.promise }
      const { peer, connection } = ends[leaving]
      const reader = streams[leaving === 'source' ? 'destination' : 'source']
      await peer.dial(multiaddr(relay.address), { force: true })
      streams[leaving].resume()
      let sent = 0
      const isHeld = () => {
        sent += CHUNK.byteLength
        streams[leaving].send(CHUNK)
        return relay.circuits.heldBytes > 2 * CHUNK.byteLength
      }
      await waitFor(isHeld, { message: 'the other end has given no more windows' })
      await streams[leaving].close()
      await reader.close()
      await waitFor(() => streams[leaving].status === 'closed', { message: 'both are closed' })
      await connection.close()
      const left = () => relay.host.libp2p.getConnections(peer.peerId)
      await waitFor(() => left().length === 1, { message: 'one connection is left' })
      assert.equal(relay.circuits.size, 1)
      let passed = 0
      reader.addEventListener('message', ({ data }) => {
        passed += data.byteLength
      })
      reader.resume()
      await waitFor(() => passed === sent, { message: 'all that was sent' })
      await waitFor(() => relay.circuits.size === 0, { message: 'the circuit is over' })
      assert.equal(relay.events.lines.at(-1), 'circuitEnded closed')
      assert.deepEqual(uncaught, [])
    })
  }
})
