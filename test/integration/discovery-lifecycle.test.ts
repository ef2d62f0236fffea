import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'

import {
  addressOf,
  connectedTo,
  NO_SOURCES,
  portOf,
  startNetwork,
  testNetwork,
} from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

const SOURCES = { mdns: {}, dht: {}, peerExchange: {}, registry: {} }

describe('the network of a station', { timeout: 60_000 }, () => {
  it('starts and stops twice and again, with every source on', async (t) => {
    const other = await startNetwork(t, { discovery: SOURCES })
    const seeds = [addressOf(other.network)]
    const { network } = await testNetwork(t, { discovery: SOURCES, seeds })
    for (let round = 0; round < 2; round++) {
      await Promise.all([network.start(), network.start()])
      assert.deepEqual(network.peers(), [])
      network.discover()
      network.discover()
      await waitFor(() => connectedTo(network).includes(other.network.peerId), {
        timeoutMs: 10_000,
        message: 'connected',
      })
      await network.stop()
      await network.stop()
      assert.deepEqual(network.peers(), [])
      assert.deepEqual(
        network.knownStations().filter((id) => id === network.peerId),
        [],
      )
    }
  })

  it('says that its port is taken, lets go of everything and starts when it is free', async (t) => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const address = blocker.address()
    assert.ok(address !== null && typeof address === 'object')
    const { network } = await testNetwork(t, { port: address.port, discovery: SOURCES })
    await assert.rejects(network.start(), { code: 'PORT_IN_USE' })
    await network.stop()
    await new Promise((resolve) => blocker.close(resolve))
    await network.start()
    assert.equal(portOf(network), address.port)
  })

  it('shows an operator its seeds, sources, counts and gauges', async (t) => {
    const discovery = { ...NO_SOURCES, peerExchange: {} }
    const other = await startNetwork(t, { discovery })
    const seed = addressOf(other.network)
    const { network, metrics } = await startNetwork(t, { discovery, seeds: [seed] })
    await waitFor(() => network.status().counts.addressBook === 1, { message: 'identified' })
    const status = network.status()
    const { peerId } = other.network
    assert.deepEqual(status.seeds, [{ seed, state: 'connected', peerId, lastError: null }])
    assert.deepEqual(status.sources, {
      mdns: false,
      dht: false,
      peerExchange: true,
      registry: false,
    })
    assert.equal(status.counts.connectedStations, 1)
    assert.equal(status.counts.knownStations, 1)
    assert.deepEqual([status.isPublic, status.isAnnounced], [false, false])
    assert.equal(status.targetPeers, 12)
    assert.ok(status.connectionLimit > 0)
    const text = await metrics.text()
    assert.match(text, /wesense_seeds\{state="connected"\} 1/)
    assert.match(text, /wesense_known_stations 1/)
    assert.match(text, /wesense_address_book_peers 1/)
  })

  it('dials little once it announces a public address', async (t) => {
    const host = { kind: 'dns', value: 'boot.example' } as const
    const announce = [
      { kind: 'host', input: 'boot.example', host, port: null, peerId: null },
    ] as const
    const { network } = await testNetwork(t, { announce })
    const { isPublic, isAnnounced } = network.status()
    assert.deepEqual([isPublic, isAnnounced], [true, true])
    assert.equal(network.status().targetPeers, 4)
  })
})
