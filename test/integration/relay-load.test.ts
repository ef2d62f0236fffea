import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Stream } from '@libp2p/interface'

import type { RelayLimits } from '../../src/network/relay/types.ts'
import {
  accept,
  countOf,
  hopStreams,
  openCircuit,
  startDestination,
  startEnd,
} from '../support/relay-ends.ts'
import { relayLimits, startHop, type TestHop } from '../support/relay-hop.ts'
import { waitFor } from '../support/wait-for.ts'

/** Of all ends and the hop in one process, on a busy machine. */
const LOOP_BOUND_MS = 1_000

/** A circuit that left its streams behind would take 10 KB of this. */
const LEAK_BOUND_BYTES = 4_000_000

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Opens many circuits between eight sources and eight destinations: a connection has so many streams. */
async function openMany(t: TestContext, relay: TestHop, count: number): Promise<Stream[]> {
  const indexes = [...Array(8).keys()]
  const sources = await Promise.all(indexes.map(() => startEnd(t, relay)))
  const destinations = await Promise.all(indexes.map(() => startDestination(t, relay, accept)))
  const streams: Stream[] = []
  while (streams.length < count) {
    const round = sources.map((source, index) => {
      const destination = destinations[(index + streams.length / 8) % 8]
      assert.ok(destination)
      return openCircuit(source, destination)
    })
    streams.push(...(await Promise.all(round)))
  }
  await waitFor(() => relay.hop.status().circuits.length === count, { message: 'all are open' })
  return streams
}

const manyLimits = (overrides: Partial<RelayLimits['circuits']> = {}): RelayLimits =>
  relayLimits({ circuits: { total: 1_000, perSource: 1_000, perDestination: 1_000, ...overrides } })

/** How long the event loop stood still at most, ms. */
async function longestStall(work: () => Promise<void>): Promise<number> {
  let [longestMs, lastMs] = [0, performance.now()]
  const look = () => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
  }
  const timer = setInterval(look, 1)
  await work()
  clearInterval(timer)
  look()
  return longestMs
}

test('other work goes on while 400 circuits are judged anew, and while they are cut', async (t) => {
  const relay = await startHop(t, { limits: manyLimits() })
  await openMany(t, relay, 400)
  relay.policy.asked.length = 0
  const judging = await longestStall(async () => {
    relay.policy.change()
    await waitFor(() => relay.policy.asked.length >= 408, { message: 'all are judged' })
  })
  const cutting = await longestStall(async () => {
    relay.policy.verdict = () => ({ isAllowed: false, reason: 'revoked' })
    relay.policy.change()
    await waitFor(() => relay.circuits.size === 0, { message: 'all are cut' })
  })
  t.diagnostic(`longest stall: ${judging.toFixed(1)} ms judging, ${cutting.toFixed(1)} ms cutting`)
  assert.ok(judging < LOOP_BOUND_MS && cutting < LOOP_BOUND_MS, `${judging}, ${cutting} ms`)
  await waitFor(() => hopStreams(relay) === 0, { message: 'no stream is left' })
})

test('a stop with 400 open circuits takes under two seconds and leaves nothing', async (t) => {
  const relay = await startHop(t, { limits: manyLimits() })
  const streams = await openMany(t, relay, 400)
  const beganMs = performance.now()
  await relay.hop.stop()
  const tookMs = performance.now() - beganMs
  t.diagnostic(`stopped in ${tookMs.toFixed(0)} ms`)
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
  assert.equal(hopStreams(relay), 0)
  assert.equal(relay.circuits.size, 0)
  assert.equal(relay.policy.listenerCount, 0)
  await waitFor(() => streams.every(({ status }) => status !== 'open'), {
    message: 'all hear of it',
  })
})

test('the quota that one circuit uses up ends the hundred others at once', async (t) => {
  const limits = { ...manyLimits(), monthlyBytes: 200_000 }
  const relay = await startHop(t, { limits })
  const [first, ...others] = await openMany(t, relay, 104)
  first?.send(Buffer.alloc(300_000))
  await waitFor(() => relay.circuits.size === 0, { message: 'all have ended' })
  assert.equal(countOf(relay, 'circuitEnded quota'), 104)
  assert.equal(relay.circuits.monthBytes, 200_000)
  await waitFor(() => others.every(({ status }) => status !== 'open'), {
    message: 'all hear of it',
  })
})

test('eight hundred circuits, opened and closed, leave neither listeners nor memory', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const relay = await startHop(t, { limits: manyLimits() })
  const destination = await startDestination(t, relay, accept)
  const heapAfter = async (count: number) => {
    for (let opened = 0; opened < count; opened++) {
      // Each peer may ask so often only: a new one goes on.
      if (opened % 100 === 0) source = await startEnd(t, relay)
      const stream = await openCircuit(source, destination)
      stream.abort(new Error('enough'))
      if (opened % 100 === 99) await source.peer.stop()
    }
    await waitFor(() => relay.circuits.size === 0 && hopStreams(relay) === 0, {
      message: 'the end',
    })
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  let source = await startEnd(t, relay)
  const first = await heapAfter(400)
  const second = await heapAfter(400)
  t.diagnostic(`heap: ${first} then ${second} bytes after 400 circuits more`)
  assert.deepEqual(warnings, [])
  assert.ok(second - first < LEAK_BOUND_BYTES, `${second - first} bytes more`)
})
