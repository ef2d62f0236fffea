import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createLan, type Namespace } from '../support/namespaces.ts'
import { NO_SOURCES } from '../support/network.ts'
import { type Stations, startStations } from '../support/stations.ts'
import { waitFor } from '../support/wait-for.ts'

const MDNS = { ...NO_SOURCES, mdns: { intervalMs: 1000 } }

async function startIn(
  t: TestContext,
  namespace: Namespace | undefined,
  discovery: typeof NO_SOURCES,
): Promise<Stations> {
  assert.ok(namespace !== undefined)
  const station = { hosts: ['0.0.0.0'], discovery }
  const running = await startStations({ stations: [station] }, namespace.prefix)
  t.after(() => running.stop())
  return running
}

describe('mDNS on a LAN of its own', { timeout: 60_000 }, () => {
  it('lets two stations without any seed find each other', async (t) => {
    const [left, right] = await createLan(t)
    const one = await startIn(t, left, MDNS)
    const startedAtMs = performance.now()
    const other = await startIn(t, right, MDNS)
    const wanted = other.stations[0]?.peerId
    await waitFor(
      async () => (await one.look())[0]?.connected.some((peerId) => peerId === wanted),
      { timeoutMs: 15_000, message: 'the first is connected to the second' },
    )
    t.diagnostic(
      `found in ${(performance.now() - startedAtMs).toFixed(0)} ms, process start included`,
    )
  })

  it('leaves a station alone that has it off', async (t) => {
    const [left, right] = await createLan(t)
    const talker = await startIn(t, left, MDNS)
    const quiet = await startIn(t, right, NO_SOURCES)
    const second = await startIn(t, left, MDNS)
    // Both talkers are in one namespace: once they found each other, three rounds have passed for all.
    await waitFor(async () => (await talker.look())[0]?.connected.length === 1, {
      timeoutMs: 15_000,
      message: 'the talkers found each other',
    })
    assert.deepEqual((await quiet.look())[0]?.connected, [])
    assert.deepEqual((await second.look())[0]?.connected, [talker.stations[0]?.peerId])
  })
})
