import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  addressOf,
  connectedTo,
  NO_SOURCES,
  startNetwork,
  type TestNetwork,
  type TestNetworkOptions,
} from '../support/network.ts'
import { waitFor } from '../support/wait-for.ts'

async function isFound(finder: TestNetwork, wanted: TestNetwork): Promise<void> {
  await waitFor(() => connectedTo(finder.network).includes(wanted.network.peerId), {
    timeoutMs: 15_000,
    message: 'connected to the station that only this source knows',
  })
}

describe('a station that is known to one source only', { timeout: 60_000 }, () => {
  it('is found through the DHT', async (t) => {
    const options: TestNetworkOptions = { discovery: { ...NO_SOURCES, dht: { intervalMs: 1000 } } }
    const middle = await startNetwork(t, options)
    const seeds = [addressOf(middle.network)]
    const wanted = await startNetwork(t, { ...options, seeds })
    await waitFor(() => middle.network.status().counts.dhtPeers > 0, {
      timeoutMs: 10_000,
      message: 'the wanted station is in the DHT',
    })
    const finder = await startNetwork(t, { ...options, seeds })
    await isFound(finder, wanted)
  })

  it('is found through peer exchange', async (t) => {
    const options: TestNetworkOptions = { discovery: { ...NO_SOURCES, peerExchange: {} } }
    const middle = await startNetwork(t, options)
    const seeds = [addressOf(middle.network)]
    const wanted = await startNetwork(t, { ...options, seeds, targetPeers: 1 })
    await waitFor(() => middle.network.status().counts.connectedStations === 1, {
      message: 'the wanted station is identified',
    })
    const finder = await startNetwork(t, { ...options, seeds })
    await isFound(finder, wanted)
    assert.match(
      await finder.metrics.text(),
      /dials_total\{outcome="ok",source="peer-exchange"\} 1/,
    )
  })

  it('is found through the registry', async (t) => {
    const wanted = await startNetwork(t)
    const finder = await startNetwork(t, { discovery: { ...NO_SOURCES, registry: {} } })
    const { peerId } = wanted.network
    const addresses = [addressOf(wanted.network, false)]
    assert.equal(finder.network.propose({ peerId, addresses }), true)
    await isFound(finder, wanted)
    assert.match(await finder.metrics.text(), /dials_total\{outcome="ok",source="registry"\} 1/)
  })

  it('is not found by a source that is off', async (t) => {
    const middle = await startNetwork(t)
    const seeds = [addressOf(middle.network)]
    const wanted = await startNetwork(t, { seeds })
    const finder = await startNetwork(t, { seeds })
    const addresses = [addressOf(wanted.network, false)]
    assert.equal(finder.network.propose({ peerId: wanted.network.peerId, addresses }), false)
    await waitFor(() => finder.network.status().counts.connectedStations === 1, {
      message: 'connected to the one in the middle',
    })
    assert.deepEqual(finder.network.knownStations(), [middle.network.peerId])
    assert.deepEqual(
      finder.network.libp2p.getProtocols().filter((one) => /kad|exchange/.test(one)),
      [],
    )
  })
})

describe('another network', { timeout: 60_000 }, () => {
  it('is not joined: its stations are neither counted nor passed on', async (t) => {
    const discovery = { ...NO_SOURCES, peerExchange: {} }
    const ours = await startNetwork(t, { discovery })
    const seeds = [addressOf(ours.network)]
    const foreign = await startNetwork(t, { discovery, seeds, networkName: 'other-test' })
    await waitFor(() => connectedTo(ours.network).includes(foreign.network.peerId), {
      message: 'the foreign station is connected',
    })
    const newcomer = await startNetwork(t, { discovery, seeds })
    for (const { network } of [ours, newcomer]) {
      await waitFor(() => network.status().counts.connectedStations === 1, {
        message: 'the newcomer and its seed know each other',
      })
    }
    assert.deepEqual(ours.network.knownStations(), [newcomer.network.peerId])
    assert.deepEqual(newcomer.network.knownStations(), [ours.network.peerId])
  })
})
