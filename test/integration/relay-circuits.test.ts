import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import type { CircuitPlace } from '../../src/network/relay/circuit-table.ts'
import { Circuits } from '../../src/network/relay/circuits/circuits.ts'
import type { RelayLimits } from '../../src/network/relay/types.ts'
import { silentLogger } from '../../src/telemetry/index.ts'
import {
  type CircuitEnds,
  type CircuitPeers,
  circuitPeers,
  relayClient,
  relayLimits,
} from '../support/circuit-ends.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { waitFor } from '../support/wait-for.ts'

const KIB = 1024
const MIB = 1024 * KIB

describe('a circuit', () => {
  const stops: (() => unknown)[] = []
  let peers: CircuitPeers

  before(async () => {
    peers = await circuitPeers({ after: (stop) => void stops.push(stop as () => unknown) })
  })
  after(async () => {
    for (const stop of stops) await stop()
  })

  it('passes bytes both ways and ends when both ends have closed', async () => {
    const circuit = await join(peers)
    const atDestination = received(circuit.ends.destination)
    const atSource = received(circuit.ends.source)
    await send(circuit.ends.source, pattern(3 * MIB, 1))
    await send(circuit.ends.destination, pattern(2 * MIB, 2))
    await circuit.ends.source.close()
    await circuit.ends.destination.close()
    assert.equal(await circuit.endReason(), 'closed')
    assert.deepEqual(await atDestination, pattern(3 * MIB, 1))
    assert.deepEqual(await atSource, pattern(2 * MIB, 2))
    assert.deepEqual(circuit.passed(), [3 * MIB, 2 * MIB])
    assert.equal(circuit.table.size, 0)
  })

  it('passes on the end of one direction while the other goes on', async () => {
    const circuit = await join(peers)
    const atDestination = received(circuit.ends.destination)
    await send(circuit.ends.source, pattern(10, 1))
    await circuit.ends.source.close()
    assert.equal((await atDestination).byteLength, 10)
    const atSource = received(circuit.ends.source)
    await send(circuit.ends.destination, pattern(1 * MIB, 3))
    assert.equal(circuit.table.size, 1)
    await circuit.ends.destination.close()
    assert.deepEqual(await atSource, pattern(1 * MIB, 3))
    assert.equal(await circuit.endReason(), 'closed')
  })

  it('passes on what was read ahead of it first', async () => {
    const circuit = await join(peers, { leftovers: { fromSource: pattern(5, 9) } })
    const atDestination = received(circuit.ends.destination)
    await send(circuit.ends.source, pattern(7, 1))
    await circuit.ends.source.close()
    assert.deepEqual(await atDestination, concat([pattern(5, 9), pattern(7, 1)]))
    circuit.ends.destination.abort(new Error('enough'))
    assert.equal(await circuit.endReason(), 'reset')
  })

  it('passes on what its ends sent before it began, while its streams were paused', async () => {
    const ends = await peers.open()
    ends.fromSource.pause()
    await send(ends.source, pattern(100 * KIB, 4))
    await ends.source.close()
    await waitFor(() => ends.fromSource.remoteWriteStatus === 'closed', { message: 'the end' })
    const circuit = carry(ends)
    const atDestination = received(ends.destination)
    assert.deepEqual(await atDestination, pattern(100 * KIB, 4))
    await ends.destination.close()
    assert.equal(await circuit.endReason(), 'closed')
  })

  for (const [resetting, other] of [
    ['source', 'destination'],
    ['destination', 'source'],
  ] as const) {
    it(`passes on a reset of the ${resetting} in the midst of bytes`, async () => {
      const circuit = await join(peers)
      const { ends } = circuit
      ends[other].addEventListener('message', () => {})
      await send(ends[resetting], pattern(300 * KIB, 1))
      ends[resetting].abort(new Error('gone'))
      await waitFor(() => ends[other].status === 'reset', { message: 'the reset to arrive' })
      assert.equal(await circuit.endReason(), 'reset')
    })
  }

  for (const [sending, stalled] of [
    ['source', 'destination'],
    ['destination', 'source'],
  ] as const) {
    it(`holds the ${sending} back while the ${stalled} reads nothing, then loses nothing`, async () => {
      const circuit = await join(peers)
      const { ends } = circuit
      ends[stalled].pause()
      const total = 6 * MIB
      const sent = send(ends[sending], pattern(total, 5))
      await settled(() => circuit.passed()[sending === 'source' ? 0 : 1] + circuit.table.heldBytes)
      assert.ok(circuit.table.heldBytes > 0, 'something is held')
      const arrival = received(ends[stalled])
      ends[stalled].resume()
      await sent
      await ends[sending].close()
      assert.deepEqual(await arrival, pattern(total, 5))
      assert.ok(circuit.peak() <= 256 * KIB, `held ${circuit.peak()}`)
      circuit.table.cutAll('policy')
      assert.equal(await circuit.endReason(), 'policy')
    })
  }

  it('holds at most 256 KiB when both ends send and neither reads', async () => {
    const circuit = await join(peers)
    const { ends } = circuit
    ends.source.pause()
    ends.destination.pause()
    const lost = [ends.source, ends.destination].map((end) => send(end, pattern(8 * MIB, 6)))
    const outcomes = Promise.allSettled(lost)
    await settled(() => circuit.passed()[0] + circuit.passed()[1] + circuit.table.heldBytes)
    assert.ok(circuit.peak() > 128 * KIB, 'both directions hold')
    assert.ok(circuit.peak() <= 256 * KIB, `held ${circuit.peak()}`)
    circuit.table.cutAll('policy')
    await outcomes
    assert.equal(circuit.table.heldBytes, 0)
  })

  it('is reset when its ends have sent more than it may hold before it could hold them back', async () => {
    const ends = await peers.open()
    // As if nothing could be written to the destination's connection.
    Object.defineProperty(ends.toDestination, 'writableNeedsDrain', { value: true })
    const circuit = carry(ends, { limits: { circuits: { heldBytes: 128 * KIB } } })
    ends.source.send(pattern(256 * KIB, 1))
    assert.equal(await circuit.endReason(), 'held')
    assert.equal(circuit.table.heldBytes, 0)
    await waitFor(() => ends.source.status === 'reset', { message: 'the reset' })
  })

  it('carries single bytes and does not grow by them', async () => {
    const circuit = await join(peers)
    const { ends } = circuit
    ends.destination.pause()
    // The window of the destination that reads nothing; from then on all is held.
    await send(ends.source, pattern(256 * KIB, 7))
    await waitFor(() => circuit.passed()[0] === 256 * KIB, { message: 'the window to be full' })
    for (let i = 0; i < 20_000; i += 1) ends.source.send(Uint8Array.of(i % 251))
    ends.source.send(new Uint8Array(0))
    await waitFor(() => circuit.table.heldBytes === 20_000, { message: 'all to be held' })
    const arrival = received(ends.destination)
    ends.destination.resume()
    await ends.source.close()
    const expected = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251)
    assert.deepEqual((await arrival).subarray(256 * KIB), expected)
    assert.ok(circuit.peak() <= 256 * KIB, `held ${circuit.peak()}`)
    circuit.table.cutAll('policy')
  })

  it('passes exactly the bytes it may, then resets both ends', async () => {
    const limits = { circuits: { bytesPerDirection: 1_000_000 } }
    const circuit = await join(peers, { limits })
    const chunks = collect(circuit.ends.destination)
    circuit.ends.source.send(pattern(1_200_000, 1))
    assert.equal(await circuit.endReason(), 'bytes')
    await waitFor(() => circuit.ends.destination.status === 'reset', { message: 'the reset' })
    await waitFor(() => circuit.ends.source.status === 'reset', { message: 'the reset' })
    assert.deepEqual(concat(chunks), pattern(1_200_000, 1).subarray(0, 1_000_000))
    assert.equal(circuit.passed()[0], 1_000_000)
  })

  it('that carries exactly the bytes it may ends in order', async () => {
    const limits = { circuits: { bytesPerDirection: 100_000 } }
    const circuit = await join(peers, { limits })
    const arrival = received(circuit.ends.destination)
    await send(circuit.ends.source, pattern(100_000, 1))
    await circuit.ends.source.close()
    assert.equal((await arrival).byteLength, 100_000)
    await circuit.ends.destination.close()
    assert.equal(await circuit.endReason(), 'closed')
  })

  it('ends after its seconds, and not before', async () => {
    const clock = new MovingClock(Date.now())
    const limits = { circuits: { durationSeconds: 120 } }
    const circuit = await join(peers, { limits, clock })
    clock.advance(118_000)
    await send(circuit.ends.source, pattern(10, 1))
    await waitFor(() => circuit.passed()[0] === 10, { message: 'bytes pass until the end' })
    clock.advance(3_000)
    assert.equal(await circuit.endReason(), 'duration')
    await waitFor(() => circuit.ends.source.status === 'reset', { message: 'the reset' })
    await waitFor(() => circuit.ends.destination.status === 'reset', { message: 'the reset' })
  })

  it('is paced by its rate and holds no more for it', async () => {
    const clock = new MovingClock(Date.now())
    const rates = { circuitBytesPerSecond: 100_000, burstSeconds: 1 }
    const circuit = await join(peers, { limits: { rates }, clock })
    const chunks = collect(circuit.ends.destination)
    const startedAtMs = clock.now()
    const sent = send(circuit.ends.source, pattern(2_000_000, 1))
    let seen = 0
    while (seen < 2_000_000) {
      clock.advance(200)
      const allowed = 100_000 + ((clock.now() - startedAtMs) / 1000) * 100_000
      seen = concat(chunks).byteLength
      // The first window is the sender's own: what of it cannot be held is passed ahead of the rate.
      assert.ok(seen <= allowed + 256 * KIB, `${seen} of ${allowed}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await sent
    assert.ok(circuit.peak() <= 256 * KIB, `held ${circuit.peak()}`)
    assert.ok(circuit.waits.includes('circuit'))
    circuit.table.cutAll('policy')
  })

  it('is cut at once with its peer, and its place is free', async () => {
    const limits = { circuits: { perSource: 1 } }
    const circuit = await join(peers, { limits })
    const { table, ends } = circuit
    const source = relayClient('source')
    assert.equal(table.reserve(source, relayClient('other')), 'circuits_source')
    table.cut('somebody', 'policy')
    table.cut('source', 'policy', 'other')
    table.cut('destination', 'policy', 'other')
    // One that has ended is listed until the next turn.
    await nextTurn()
    assert.equal(table.list().length, 1)
    table.cut('destination', 'policy')
    assert.equal(await circuit.endReason(), 'policy')
    assert.deepEqual(table.list(), [])
    await waitFor(() => ends.source.status === 'reset', { message: 'the reset' })
    await waitFor(() => ends.destination.status === 'reset', { message: 'the reset' })
    assert.equal(typeof table.reserve(source, relayClient('other')), 'object')
  })

  it('that is cut before it carries resets its streams', async () => {
    const ends = await peers.open()
    const { table, place, endReason } = reserve()
    table.cut('source', 'policy')
    await place.carry(ends.fromSource, ends.toDestination)
    assert.equal(await endReason(), 'policy')
    await waitFor(() => ends.source.status === 'reset', { message: 'the reset' })
    assert.equal(table.size, 0)
  })

  it('ends with the quota of the month, and no other is accepted', async () => {
    const circuit = await join(peers, { limits: { monthlyBytes: 50_000 } })
    const { table, ends } = circuit
    collect(ends.destination)
    ends.source.send(pattern(80_000, 1))
    assert.equal(await circuit.endReason(), 'quota')
    assert.equal(table.monthBytes, 50_000)
    assert.equal(table.reserve(relayClient('source'), relayClient('destination')), 'quota')
  })

  it('ends when the node stops, which waits for it', async () => {
    const circuit = await join(peers)
    await circuit.table.stop()
    assert.equal(await circuit.endReason(), 'stopped')
    await circuit.table.stop()
    assert.equal(typeof circuit.table.reserve(relayClient('a'), relayClient('b')), 'string')
  })

  it('leaves nothing behind, a thousand times', async () => {
    const table = newTable(relayLimits(), new MovingClock(Date.now()))
    const ends: CircuitEnds[] = []
    let batch: Promise<void>[] = []
    for (let i = 0; i < 1_000; i += 1) {
      const circuit = carry(await peers.open(), { table })
      for (const end of [circuit.ends.source, circuit.ends.destination]) collect(end)
      circuit.ends.source.send(pattern(100, 1))
      if (i % 3 === 0) circuit.ends.source.abort(new Error('gone'))
      else if (i % 3 === 1) circuit.ends.toDestination.abort(new Error('gone'))
      else for (const end of [circuit.ends.source, circuit.ends.destination]) void end.close()
      batch.push(circuit.carried)
      ends.push(circuit.ends)
      if (batch.length < 50) continue
      await Promise.all(batch)
      batch = []
    }
    assert.deepEqual([...new Set(table.reasons)].sort(), ['closed', 'reset'])
    assert.equal(table.reasons.length, 1_000)
    assert.equal(table.table.size, 0)
    assert.equal(table.table.heldBytes, 0)
    assert.deepEqual(table.table.list(), [])
    await waitFor(() => ends.every(({ fromSource }) => fromSource.status !== 'open'), {
      message: 'all streams to be closed',
    })
    await table.table.stop()
  })
})

describe('a circuit whose connection is lost', () => {
  for (const end of ['source', 'destination'] as const) {
    it(`is reset at the other end when the ${end} is gone`, async (t) => {
      const peers = await circuitPeers(t)
      const circuit = await join(peers)
      const other = end === 'source' ? 'destination' : 'source'
      await peers.lose(end)
      assert.equal(await circuit.endReason(), 'reset')
      await waitFor(() => circuit.ends[other].status === 'reset', { message: 'the reset' })
    })
  }
})

interface Setup {
  readonly limits?: Parameters<typeof relayLimits>[0]
  readonly clock?: MovingClock
  readonly leftovers?: Parameters<CircuitPlace['carry']>[2]
  readonly table?: ReturnType<typeof newTable>
}

async function join(peers: CircuitPeers, setup: Setup = {}) {
  return carry(await peers.open(), setup)
}

function carry(ends: CircuitEnds, setup: Setup = {}) {
  const reserved = reserve(setup)
  const carried = reserved.place.carry(ends.fromSource, ends.toDestination, setup.leftovers)
  return { ...reserved, ends, carried }
}

function reserve({ limits = {}, clock = new MovingClock(Date.now()), table }: Setup = {}) {
  const made = table ?? newTable(relayLimits(limits), clock)
  const place = made.table.reserve(relayClient('source'), relayClient('destination'))
  if (typeof place === 'string') throw new Error(place)
  const index = made.reasons.length
  const endReason = async () => {
    const reason = await waitFor(() => made.reasons[index], { message: 'the circuit to end' })
    return reason
  }
  return { ...made, place, endReason }
}

function newTable(limits: RelayLimits, clock: MovingClock) {
  const reasons: string[] = []
  const waits: string[] = []
  let ended: [number, number] = [0, 0]
  let peakBytes = 0
  const table: Circuits = new Circuits(
    { limits, quotaPath: null },
    {
      logger: silentLogger,
      clock,
      events: {
        circuitOpened: () => {},
        circuitEnded: ({ bytesToDestination, bytesToSource }, reason) => {
          ended = [bytesToDestination, bytesToSource]
          reasons.push(reason)
          peakBytes = Math.max(peakBytes, table.peakHeldBytes)
        },
        bucketWaited: (bucket) => void waits.push(bucket),
      },
    },
  )
  const passed = (): [number, number] => {
    const [live] = table.list()
    return live === undefined ? ended : [live.bytesToDestination, live.bytesToSource]
  }
  const peak = () => Math.max(peakBytes, table.peakHeldBytes)
  return { table, reasons, waits, passed, peak }
}

/** Sends with backpressure, as a well-behaved peer does. */
async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength; offset += 64 * KIB) {
    if (stream.status !== 'open') throw new Error('the stream ended')
    stream.send(bytes.subarray(offset, offset + 64 * KIB))
    while (stream.writableNeedsDrain && stream.status === 'open') {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

function collect(stream: Stream): Uint8Array[] {
  const chunks: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => {
    chunks.push(data instanceof Uint8Array ? data : data.subarray())
  })
  return chunks
}

/** All bytes until the other end said that there are no more. */
async function received(stream: Stream): Promise<Uint8Array> {
  const chunks = collect(stream)
  await waitFor(() => stream.readableEnded, { timeoutMs: 10_000, message: 'the end of a stream' })
  return concat(chunks)
}

/** Waits until a figure has not changed for some time. */
async function settled(figure: () => number): Promise<void> {
  let last = -1
  let since = Date.now()
  await waitFor(
    () => {
      const now = figure()
      if (now !== last) since = Date.now()
      last = now
      return now > 0 && Date.now() - since > 300
    },
    { timeoutMs: 10_000, message: 'things to settle' },
  )
}

function pattern(bytes: number, seed: number): Uint8Array {
  const block = Uint8Array.from({ length: 1021 }, (_, i) => (i * 7 + seed * 31) % 256)
  const result = new Uint8Array(bytes)
  for (let offset = 0; offset < bytes; offset += block.byteLength) {
    result.set(block.subarray(0, bytes - offset), offset)
  }
  return result
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks))
}
