/**
 * A hundred stations in one process, on a network in memory: a hundred hosts with six connections each
 * are more sockets and handshakes than a test machine has time for. Registries, stores, entries,
 * signatures and streams are the real ones.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'

import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { viewOf } from '../support/registry-station.ts'
import { createMemoryNetwork } from '../support/registry-transport.ts'
import { waitFor } from '../support/wait-for.ts'

const STATIONS = 100
/** To the next ones on a ring, in steps that make it a small world. */
const NEIGHBOURS = [1, 9, 33]

async function startAll(t: TestContext): Promise<TestRegistry[]> {
  const network = createMemoryNetwork()
  const options = { antiEntropyIntervalMs: 15_000, exchangeIntervalMs: 1000 }
  const start = () => startRegistry(t, network, options)
  const stations = await Promise.all(Array.from({ length: STATIONS }, start))
  for (const [i, { identity }] of stations.entries()) {
    for (const step of NEIGHBOURS) {
      const other = stations[(i + step) % STATIONS]
      if (other !== undefined) network.connect(identity.peerId, other.identity.peerId)
    }
  }
  return stations
}

test('a hundred stations that write at once come to hold equal views', async (t) => {
  const stations = await startAll(t)
  const startedMs = performance.now()
  const puts = stations.map(async ({ registry }, i) => {
    const putMs = performance.now()
    await registry.writer.put('nodes', `station-${i}`, { node_name: `n ${i}` })
    return performance.now() - putMs
  })
  const slowestPutMs = Math.max(...(await Promise.all(puts)))
  await waitFor(() => stations.every(({ registry }) => registry.view.counts().nodes === STATIONS), {
    message: 'every record at every station',
    timeoutMs: 120_000,
  })
  const tookMs = performance.now() - startedMs
  assert.equal(new Set(stations.map(viewOf)).size, 1)
  // Their logs have as many heads as were written at once; the next write of anybody joins them.
  const [first] = stations as [TestRegistry]
  const before = first.registry.status()[0]?.heads ?? 0
  await first.registry.writer.put('nodes', 'station-0', { node_name: 'after' })
  assert.ok((first.registry.status()[0]?.heads ?? 0) < before)
  t.diagnostic(
    `${STATIONS} puts at once, the slowest ${Math.round(slowestPutMs)} ms; all equal after ${Math.round(tookMs)} ms`,
  )
})
