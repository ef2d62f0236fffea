import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { connect } from '../support/host.ts'
import {
  type RegistryStation,
  type RegistryStationOptions,
  startRegistryStation,
  viewOf,
} from '../support/registry-station.ts'
import { waitFor } from '../support/wait-for.ts'

const PARTITION_SIZE = 10
const DAY_MS = 86_400_000

async function startMany(
  t: TestContext,
  count: number,
  options: RegistryStationOptions = {},
): Promise<RegistryStation[]> {
  const stations = []
  for (let i = 0; i < count; i += 1) stations.push(await startRegistryStation(t, options))
  return stations
}

/** Each is connected to the next two. */
async function connectInRing(stations: readonly RegistryStation[]): Promise<void> {
  for (const [i, station] of stations.entries()) {
    for (const step of [1, 2]) {
      const other = stations[(i + step) % stations.length]
      if (other !== undefined && other !== station) await connect(station.host, other.host)
    }
  }
}

const count = ({ registry }: RegistryStation) => registry.view.counts().nodes

/** @returns ms until all hold so many records, all alike. */
async function untilEqual(stations: readonly RegistryStation[], records: number): Promise<number> {
  const startedMs = performance.now()
  await waitFor(
    () =>
      stations.every((station) => count(station) === records) &&
      new Set(stations.map(viewOf)).size === 1,
    {
      message: `${records} equal records everywhere`,
      timeoutMs: 25_000,
    },
  )
  return Math.round(performance.now() - startedMs)
}

test('spokes that never meet hold the same through their hub, both ways and without gossip at first', async (t) => {
  const stations = await startMany(t, 3, { exchangeIntervalMs: 200 })
  const [a, hub, c] = stations as [RegistryStation, RegistryStation, RegistryStation]
  for (let i = 0; i < 10; i += 1) {
    await a.registry.writer.put('nodes', `a-${i}`, {})
    await c.registry.writer.put('nodes', `c-${i}`, {})
  }
  await connect(a.host, hub.host)
  await connect(c.host, hub.host)
  const tookMs = await untilEqual(stations, 20)
  assert.deepEqual(a.host.transport.connectedPeers(), [hub.identity.peerId])
  await a.registry.writer.put('nodes', 'a-0', { node_name: 'changed' })
  await c.registry.writer.delete('nodes', 'c-0')
  t.diagnostic(`equal after ${tookMs} ms, changes after ${await untilEqual(stations, 19)} ms`)
})

test('two partitions of ten stations that wrote apart are equal when they meet again', async (t) => {
  const options = { exchangeIntervalMs: 1000, antiEntropyIntervalMs: 8000 }
  const left = await startMany(t, PARTITION_SIZE, options)
  const right = await startMany(t, PARTITION_SIZE, options)
  await connectInRing(left)
  await connectInRing(right)
  await Promise.all(
    [...left, ...right].flatMap(({ registry }, i) => [
      registry.writer.put('nodes', `station-${i}`, {}),
      registry.writer.put('nodes', 'contested', { node_name: `claim of ${i}` }),
    ]),
  )
  await Promise.all([left, right].map((side) => untilEqual(side, 2 * PARTITION_SIZE)))
  assert.notEqual(viewOf(left[0] as RegistryStation), viewOf(right[0] as RegistryStation))

  await connect((left[0] as RegistryStation).host, (right[0] as RegistryStation).host)
  const all = [...left, ...right]
  t.diagnostic(`healed after ${await untilEqual(all, 4 * PARTITION_SIZE)} ms`)
  const winners = all.map(({ registry }) => registry.view.get('nodes', 'contested')?.entryHash)
  assert.equal(new Set(winners).size, 1, 'all show the same of the claims')
  for (const { host } of all) {
    const penalties = all.map((other) => host.transport.penaltyOf(other.identity.peerId))
    assert.ok(penalties.every((points) => points === 0))
  }
})

test('a station that was away for a day catches up, and its records come along', async (t) => {
  let nowMs = Date.now()
  const options = { now: () => nowMs, exchangeIntervalMs: 0, antiEntropyIntervalMs: 1000 }
  const stations = await startMany(t, 3, options)
  const [a, b, sleeper] = stations as [RegistryStation, RegistryStation, RegistryStation]
  await connectInRing(stations)
  await a.registry.writer.put('nodes', 'changes', { node_name: 'first' })
  await a.registry.writer.put('nodes', 'leaves', {})
  await sleeper.registry.writer.put('nodes', 'own', {})
  await untilEqual(stations, 3)

  await sleeper.registry.stop()
  nowMs += DAY_MS
  await a.registry.writer.put('nodes', 'changes', { node_name: 'second' })
  await a.registry.writer.delete('nodes', 'leaves')
  for (let i = 0; i < 40; i += 1) await b.registry.writer.put('nodes', `new-${i}`, {})
  await untilEqual([a, b], 42)

  await sleeper.registry.start()
  t.diagnostic(`caught up after ${await untilEqual(stations, 42)} ms`)
  const { view } = sleeper.registry
  assert.equal(view.get('nodes', 'leaves'), null)
  assert.equal(view.list('nodes').length, 42)
})
