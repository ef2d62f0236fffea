import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startOfEpoch } from '../../src/registry/epochs/calendar.ts'
import type { TrustRecord } from '../../src/registry/index.ts'
import {
  DAY_MS,
  entriesIn,
  epochOf,
  FIRST,
  HOUR_MS,
  MINUTE_MS,
  newClock,
  nodeAt,
  openEpochs,
  passTimeUntil,
  startEpochStation,
} from '../support/epoch-station.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')

test('a station that wrote a year ahead and is set right keeps all it wrote, and writes again', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const b = await startEpochStation(t, network, { clock: newClock() })
  const { writer, view } = a.registry
  const rightMs = a.clock.now()
  await writer.put('nodes', 'before', { node_name: 'before' })
  await writer.put('nodes', 'gone', {})
  await writer.put('trust', 'ing', { public_key: KEY })
  a.clock.advance(365 * DAY_MS)
  await passTimeUntil([a], () => (epochOf(a) ?? 0) > FIRST + 20, { message: 'the leap' })
  const far = epochOf(a) ?? 0
  await writer.put('nodes', 'ahead', { node_name: 'ahead' })
  await writer.delete('nodes', 'gone')
  await writer.revokeTrust('ing')
  // Long enough that the logs of before are deleted.
  await passTimeUntil([a], () => !openEpochs(a).includes(FIRST) && entriesIn(a, far) >= 3, {
    message: 'all taken over into the far epoch, and the right one deleted',
    stepMs: MINUTE_MS,
  })
  await a.registry.stop()
  a.clock.moveTo(rightMs + HOUR_MS)
  await a.registry.start()
  const put = await writer.put('nodes', 'after', {})
  assert.equal(put.isAppended, true, 'it can be written at once')
  await passTimeUntil([a], () => nodeAt(a, 'ahead'), {
    message: 'what was written ahead is written again',
    stepMs: MINUTE_MS,
  })
  await passTimeUntil([a], () => view.claims('trust', 'ing').length === 1, { message: 'the key' })
  assert.equal(nodeAt(a, 'before')?.value.node_name, 'before')
  assert.equal(nodeAt(a, 'gone'), null)
  const status = () => view.get<TrustRecord>('trust', 'ing')?.value.versions['1']?.status
  assert.equal(status(), 'revoked')
  b.clock.moveTo(a.clock.now())
  network.connect(a.identity.peerId, b.identity.peerId)
  await waitFor(() => nodeAt(b, 'ahead'), { message: 'a peer takes it' })

  // In its time the far log must not bring back what was written in it.
  await writer.put('nodes', 'ahead', { node_name: 'later' })
  await a.registry.stop()
  a.clock.moveTo(startOfEpoch(far) + HOUR_MS)
  await a.registry.start()
  assert.equal(entriesIn(a, far), 0)
  await passTimeUntil([a], () => entriesIn(a, far) >= 3, { message: 'taken over in its time' })
  assert.equal(nodeAt(a, 'ahead')?.value.node_name, 'later')
})

test('a station three days ahead in the same epoch writes again ten minutes after it is set right', async (t) => {
  const network = createMemoryNetwork()
  const a = await startEpochStation(t, network, { clock: newClock() })
  const b = await startEpochStation(t, network, { clock: newClock() })
  network.connect(a.identity.peerId, b.identity.peerId)
  const { writer, view } = a.registry
  a.clock.moveTo(startOfEpoch(FIRST) + 5 * DAY_MS)
  b.clock.moveTo(a.clock.now())
  await writer.put('nodes', 'right', {})
  await writer.put('trust', 'ing', { public_key: KEY })
  await waitFor(() => nodeAt(b, 'right'), { message: 'what was written in time, at a peer' })
  const rightMs = a.clock.now()
  a.clock.advance(3 * DAY_MS)
  await writer.put('nodes', 'ahead', { node_name: 'first' })
  await writer.put('nodes', 'ahead', { node_name: 'ahead' })
  await writer.put('nodes', 'both', { node_name: 'ahead' })
  await writer.revokeTrust('ing')
  a.clock.moveTo(rightMs + MINUTE_MS)
  await assert.rejects(writer.put('nodes', 'late', {}), {
    code: 'CLOCK_AHEAD',
    message: /set back/,
  })
  assert.equal(nodeAt(b, 'ahead'), null)
  const canWrite = async () => {
    try {
      return await writer.put('nodes', 'both', { node_name: 'newer' })
    } catch {
      a.clock.advance(MINUTE_MS)
      return null
    }
  }
  await waitFor(canWrite, { message: 'a put that is taken' })
  b.clock.moveTo(a.clock.now())
  await passTimeUntil([a, b], () => nodeAt(b, 'ahead'), { message: 'what was ahead, at a peer' })
  await passTimeUntil([a, b], () => nodeAt(b, 'both'), { message: 'what was put since, at a peer' })
  await waitFor(
    () => b.registry.view.get<TrustRecord>('trust', 'ing')?.value.versions['1']?.revoked_at,
    { message: 'the revocation at a peer' },
  )
  for (const station of [a, b]) {
    assert.equal(nodeAt(station, 'ahead')?.value.node_name, 'ahead')
    assert.equal(nodeAt(station, 'both')?.value.node_name, 'newer', 'the later word counts')
    assert.equal(station.registry.view.claims('nodes', 'ahead').length, 1)
  }
  assert.ok(a.registry.status()[0]?.heads === 1, 'nothing is missing in the log')
  await a.registry.stop()
  await a.registry.start()
  assert.equal(nodeAt(a, 'ahead')?.value.node_name, 'ahead')
  assert.ok((view.get('nodes', 'ahead')?.clockMs ?? 0) < rightMs + HOUR_MS)
})

test('a station that is behind its peers by hours, or by weeks, says so and is not ready', async (t) => {
  for (const behindMs of [3 * HOUR_MS, 40 * DAY_MS]) {
    const network = createMemoryNetwork()
    const late = await startEpochStation(t, network, { clock: newClock() })
    const right = await startEpochStation(t, network, { clock: newClock() })
    late.clock.moveTo(right.clock.now() - behindMs)
    await late.registry.stop()
    await late.registry.start()
    assert.equal(late.registry.clockProblem, null, 'alone it cannot know')
    network.connect(late.identity.peerId, right.identity.peerId)
    await waitFor(() => right.registry.status()[0]?.isOpen, { message: 'both open' })
    await right.registry.writer.put('nodes', 'news', {})
    await passTimeUntil([late], () => late.registry.clockProblem !== null, {
      message: 'the problem noticed',
      stepMs: 30_000,
    })
    assert.match(
      late.registry.clockProblem ?? '',
      behindMs > 10 * DAY_MS ? /at least \d+ days behind/ : /at least (2\.9|3\.0) hours behind/,
    )
    assert.equal(late.registry.isReady, true, 'its stores are sound')
    assert.match(await late.metrics.text(), /clock_offset_seconds [1-9]/)
    assert.equal(right.registry.clockProblem, null)
    late.clock.moveTo(right.clock.now())
    await passTimeUntil([late, right], () => late.registry.clockProblem === null, {
      message: 'ready when the clock is set right',
      stepMs: 30_000,
    })
  }
})
