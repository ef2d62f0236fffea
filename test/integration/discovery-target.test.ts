import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { NO_SOURCES } from '../support/network.ts'
import { startStations } from '../support/stations.ts'
import { waitFor } from '../support/wait-for.ts'

const STATIONS = 20
const TARGET = 8

describe('TARGET_PEERS', { timeout: 120_000 }, () => {
  it('holds in a network of 20 stations, whatever the DHT and peer exchange name', async (t) => {
    const discovery = { ...NO_SOURCES, peerExchange: {}, dht: { intervalMs: 500 } }
    const ordinary = { discovery, seedOf: [0], targetPeers: TARGET, settledAt: TARGET }
    const running = await startStations({
      stations: [
        { discovery, settledAt: STATIONS - 1 },
        ...Array.from({ length: STATIONS - 1 }, () => ordinary),
      ],
    })
    t.after(() => running.stop())
    const readyAtMs = performance.now()
    const names = running.stations.map(({ peerId }) => peerId)

    /** Connections that either end could give up: both have more than they want. */
    const look = async () => {
      const views = await running.look()
      const degrees = views.map(({ connected }) => connected.length)
      const spare = views.flatMap(({ connected }, index) =>
        connected
          .map((peerId) => names.indexOf(peerId))
          .filter((other) => index > 0 && other > index)
          .filter((other) => Math.min(degrees[index] ?? 0, degrees[other] ?? 0) > TARGET),
      )
      // One end hears a moment later than the other that they parted.
      const isAgreed = views.every(({ connected }, index) =>
        connected.every((id) => views[names.indexOf(id)]?.connected.includes(names[index] ?? '')),
      )
      return { degrees, isAgreed, spare, links: JSON.stringify(views.map(sorted)) }
    }
    const settled = await waitFor(
      async () => {
        const seen = await look()
        const { isAgreed, spare, degrees } = seen
        assert.deepEqual({ isAgreed, spare }, { isAgreed: true, spare: [] }, `${degrees}`)
        return seen
      },
      { timeoutMs: 60_000, message: 'no connection is left that both ends could do without' },
    )
    const seconds = ((performance.now() - readyAtMs) / 1000).toFixed(1)
    t.diagnostic(`at rest ${seconds} s after the last dial: ${settled.degrees}`)
    // The first is everybody's seed.
    const [, ...degrees] = settled.degrees
    assert.ok(Math.min(...degrees) >= TARGET, `${degrees}`)
    assert.ok(Math.max(...degrees) <= TARGET + 4, `${degrees}`)
    const sum = degrees.reduce((total, one) => total + one, 0)
    assert.ok(sum <= 1.25 * TARGET * degrees.length, `${degrees}`)

    // Walks and pings of the DHT go on meanwhile: nobody comes, nobody goes.
    const untilMs = performance.now() + 5000
    const changes = new Set<string>()
    await waitFor(
      async () => {
        const { links, degrees: now } = await look()
        if (links !== settled.links) changes.add(`${now}`)
        return performance.now() > untilMs
      },
      { timeoutMs: 10_000, message: 'five seconds have gone by' },
    )
    assert.deepEqual([...changes], [])
  })
})

function sorted({ connected }: { readonly connected: readonly string[] }): string[] {
  return connected.toSorted()
}
