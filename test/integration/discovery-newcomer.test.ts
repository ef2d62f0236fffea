import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import type { NameResolver } from '../../src/network/index.ts'
import { connectedTo, NO_SOURCES, startNetwork } from '../support/network.ts'
import { type Stations, startStations } from '../support/stations.ts'
import { waitFor } from '../support/wait-for.ts'

const STATIONS = 20
const SEED_HOST = '127.0.42.2'
const SOURCES = { ...NO_SOURCES, peerExchange: {} }

describe('a newcomer in a network of 20 stations', { timeout: 90_000 }, () => {
  let running: Stations

  before(async () => {
    const discovery = SOURCES
    const ordinary = { discovery, seedOf: [0, 1], targetPeers: 8, settledAt: 8 }
    running = await startStations({
      stations: [
        { discovery, hosts: [SEED_HOST], settledAt: STATIONS - 1 },
        { discovery, hosts: ['::1'], seedOf: [0], settledAt: STATIONS - 1 },
        ...Array.from({ length: STATIONS - 2 }, () => ordinary),
      ],
    })
  })
  after(() => running?.stop())

  const addressAt = (index: number): string => {
    const address = running.stations[index]?.address
    assert.ok(address !== undefined)
    return address
  }
  const portAt = (index: number) => Number(/tcp\/(\d+)/.exec(addressAt(index))?.[1])
  const forms: readonly (readonly [string, () => string])[] = [
    ['host', () => SEED_HOST],
    ['name:port', () => `seed.example:${portAt(0)}`],
    ['[ip6]:port', () => `[::1]:${portAt(1)}`],
    ['/dnsaddr', () => '/dnsaddr/net.example'],
    ['multiaddr', () => addressAt(0)],
    ['multiaddr of an ordinary station', () => addressAt(10)],
  ]

  for (const [form, seed] of forms) {
    it(`is connected in 1 s and knows all in 5 s with its seed as ${form}`, async (t) => {
      const resolver: NameResolver = {
        addresses: async () => [SEED_HOST],
        txt: async () => [`dnsaddr=/dns4/seed.example/tcp/${portAt(0)}`],
      }
      const startedAtMs = performance.now()
      const { network } = await startNetwork(t, {
        seeds: [seed()],
        // In the place of 4002, where a station may be running on this machine.
        defaultSeedPort: portAt(0),
        resolver,
        discovery: SOURCES,
      })
      const listeningAtMs = performance.now()
      const elapsed = () => `${(performance.now() - listeningAtMs).toFixed(0)} ms`
      await waitFor(() => connectedTo(network).length > 0, {
        timeoutMs: 1000,
        message: 'connected to the seed',
      })
      const connected = elapsed()
      await waitFor(
        () => {
          const known = new Set(network.knownStations())
          return running.stations.every(({ peerId }) => known.has(peerId))
        },
        { timeoutMs: 5000, message: 'every station is known' },
      )
      const start = `${(listeningAtMs - startedAtMs).toFixed(0)} ms`
      t.diagnostic(`${form}: start ${start}, connected ${connected}, all known ${elapsed()}`)
      await network.stop()
    })
  }
})
