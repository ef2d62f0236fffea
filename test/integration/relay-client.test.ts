import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { hostLimits, type NetworkService } from '../../src/network/index.ts'
import { HOP_PROTOCOL, STOP_PROTOCOL } from '../../src/network/relay/hop/wire.ts'
import { longestBlock } from '../support/event-loop.ts'
import { MovingClock } from '../support/moving-clock.ts'
import { connectedTo, NO_SOURCES, startNetwork, type TestNetwork } from '../support/network.ts'
import {
  type RelayKind,
  startHiddenStation,
  startLibraryRelay,
  startPlainClient,
  startPlainServer,
  startRelay,
} from '../support/relay-hosts.ts'
import { waitFor } from '../support/wait-for.ts'

const TIMEOUT_MS = 15_000
/** Of the thread's own time: unguarded it is 0.9 s and more. */
const FREE_MS = 150
const UPGRADED = /wesense_relay_upgrades_total\{outcome="upgraded"\} (\d+)/
const FAILED = /wesense_relay_upgrades_total\{outcome="failed"\} 1/

function relaysOf(network: NetworkService): string[] {
  return (network.status().reach?.relays ?? []).map(({ relayPeerId }) => relayPeerId).sort()
}

function relayedAddressesOf(network: NetworkService): string[] {
  return network.status().announce.filter((address) => address.includes('/p2p-circuit'))
}

function isCircuit(address: { toString(): string }): boolean {
  return address.toString().includes('/p2p-circuit')
}

async function isRelayedBy(network: NetworkService, ...relays: readonly string[]): Promise<void> {
  const wanted = relays.toSorted().join()
  await waitFor(() => relaysOf(network).join() === wanted, {
    timeoutMs: TIMEOUT_MS,
    message: `relayed by ${wanted || 'nobody'}`,
  })
}

/** What a station is told of a peer's coming and going, as it happens. */
function eventsOf(network: NetworkService, peerId: string): readonly boolean[] {
  const events: boolean[] = []
  network.host.onPeer((id, isConnected) => {
    if (id === peerId) events.push(isConnected)
  })
  return events
}

/** A station that is found through the registry alone. */
function startFinder(t: TestContext, reachability: 'public' | 'private'): Promise<TestNetwork> {
  const options = { relayClient: {}, reachability, discovery: { ...NO_SOURCES, registry: {} } }
  return reachability === 'public' ? startNetwork(t, options) : startHiddenStation(t, options)
}

for (const kind of ['library', 'own'] as const satisfies RelayKind[]) {
  describe(`a station that nobody can connect to, and relays (${kind})`, {
    timeout: 60_000,
  }, () => {
    it('reserves at a seed that relays, and is reached there by a plain client', async (t) => {
      const relay = await startRelay(t, kind)
      const { network } = await startHiddenStation(t, { seeds: [relay.address] })
      await isRelayedBy(network, relay.peerId)
      assert.deepEqual(relayedAddressesOf(network), [`${relay.address}/p2p-circuit`])
      const client = await startPlainClient(t)
      const connection = await client.dial(
        `${relayedAddressesOf(network)[0]}/p2p/${network.peerId}`,
      )
      assert.notEqual(connection.limits, undefined)
      assert.ok((await client.ping(network.peerId)) >= 0)
      // It is nobody that the station itself would count.
      assert.equal(connectedTo(network).length, 2)
      assert.deepEqual(network.transport.connectedPeers(), [relay.peerId])
    })

    it('goes on with the second relay when the first dies, without a gap', async (t) => {
      const [one, two] = [await startRelay(t, kind), await startRelay(t, kind)]
      const { network } = await startHiddenStation(t, { seeds: [one.address, two.address] })
      await isRelayedBy(network, one.peerId, two.peerId)
      const counts: number[] = []
      const watch = setInterval(() => counts.push(relaysOf(network).length), 5)
      await one.stop()
      await isRelayedBy(network, two.peerId)
      clearInterval(watch)
      assert.ok(Math.min(...counts) >= 1)
      assert.deepEqual(relayedAddressesOf(network), [`${two.address}/p2p-circuit`])
    })

    it('has its place again seconds after its only relay restarted', async (t) => {
      const relay = await startRelay(t, kind)
      const { network } = await startHiddenStation(t, { seeds: [relay.address] })
      await isRelayedBy(network, relay.peerId)
      await relay.stop()
      await isRelayedBy(network)
      assert.deepEqual(relayedAddressesOf(network), [])
      await relay.restart()
      const since = performance.now()
      await isRelayedBy(network, relay.peerId)
      t.diagnostic(`reserved ${Math.round(performance.now() - since)} ms after the restart`)
    })

    it('becomes a direct neighbour of one that can be reached, and the circuit ends', async (t) => {
      const relay = await startRelay(t, kind)
      const hidden = await startHiddenStation(t, { seeds: [relay.address] })
      await isRelayedBy(hidden.network, relay.peerId)
      const finder = await startFinder(t, 'public')
      const addresses = relayedAddressesOf(hidden.network)
      const { peerId } = hidden.network
      const events = eventsOf(finder.network, peerId)
      assert.ok(finder.network.propose({ peerId, addresses }))
      await waitFor(() => finder.network.transport.connectedPeers().includes(peerId), {
        timeoutMs: TIMEOUT_MS,
        message: 'a direct connection',
      })
      const id = hidden.network.libp2p.peerId
      await waitFor(() => finder.network.libp2p.getConnections(id).every(({ direct }) => direct), {
        message: 'no relayed connection is left',
      })
      // The rest of the station hears of one connection, the direct one.
      assert.deepEqual(events, [true])
      const upgrades = async ({ metrics }: TestNetwork) =>
        Number(UPGRADED.exec(await metrics.text())?.[1] ?? 0)
      await waitFor(async () => (await upgrades(finder)) + (await upgrades(hidden)) >= 1, {
        message: 'it is counted',
      })
    })
  })
}

describe('a station that nobody can connect to', { timeout: 60_000 }, () => {
  it('tells its relay, and whoever is connected, where it is reached', async (t) => {
    const relay = await startLibraryRelay(t)
    const { network } = await startHiddenStation(t, { seeds: [relay.address] })
    await isRelayedBy(network, relay.peerId)
    await waitFor(
      async () => {
        const peer = await relay.libp2p.peerStore.get(network.libp2p.peerId)
        const told = peer.addresses.map(({ multiaddr }) => multiaddr.toString())
        return told.includes(`${relay.address}/p2p-circuit`)
      },
      { message: 'the relay was told the relayed address' },
    )
  })

  it('is reached at a time by as many as its relay lets reach one', async (t) => {
    const relay = await startRelay(t, 'own')
    const { network } = await startHiddenStation(t, { seeds: [relay.address] })
    await isRelayedBy(network, relay.peerId)
    const { perDestination } = hostLimits(1_024).relay.circuits
    const address = `${relayedAddressesOf(network)[0]}/p2p/${network.peerId}`
    for (let i = 0; i < perDestination; i += 1) await (await startPlainClient(t)).dial(address)
    const circuits = () =>
      network.libp2p.getConnections().filter(({ remoteAddr }) => isCircuit(remoteAddr)).length
    await waitFor(() => circuits() === perDestination, { message: 'all are there' })
  })

  it('keeps gossip off a circuit for which a relay has no limits', async (t) => {
    const relay = await startLibraryRelay(t, { isUnlimited: true })
    const { network } = await startHiddenStation(t, { seeds: [relay.address] })
    await isRelayedBy(network, relay.peerId)
    const client = await startPlainClient(t)
    const connection = await client.dial(`${relayedAddressesOf(network)[0]}/p2p/${network.peerId}`)
    assert.equal(connection.limits, undefined)
    const theirs = await waitFor(
      () => network.libp2p.getConnections().find(({ remoteAddr }) => isCircuit(remoteAddr)),
      { message: 'the station has the circuit' },
    )
    assert.notEqual(theirs.limits, undefined)
    assert.ok((await client.ping(network.peerId)) >= 0)
  })

  it('is relayed and becomes a direct neighbour in a network with a key', async (t) => {
    const networkKey = new Uint8Array(32).fill(7)
    const relay = await startRelay(t, 'own', { networkKey })
    const hidden = await startHiddenStation(t, { seeds: [relay.address], networkKey })
    await isRelayedBy(hidden.network, relay.peerId)
    const discovery = { ...NO_SOURCES, registry: {} }
    const finder = await startNetwork(t, { relayClient: {}, discovery, networkKey })
    const { peerId } = hidden.network
    finder.network.propose({ peerId, addresses: relayedAddressesOf(hidden.network) })
    await waitFor(() => finder.network.transport.connectedPeers().includes(peerId), {
      timeoutMs: TIMEOUT_MS,
      message: 'a direct connection',
    })
  })

  it('finds its relay by a record when no seed relays', async (t) => {
    const relay = await startRelay(t, 'own')
    const seed = await startNetwork(t)
    const { network } = await startHiddenStation(t, {
      seeds: [seed.network.status().listen[0] ?? ''],
    })
    await waitFor(() => connectedTo(network).length === 1, { message: 'connected to the seed' })
    network.noteRelay({ peerId: relay.peerId, addresses: [relay.address], load: 0 })
    await isRelayedBy(network, relay.peerId)
  })

  it('leaves the relay whose month is used up with its next renewal, for another one', async (t) => {
    const limits = { ...hostLimits(1024).relay, monthlyBytes: 1 }
    const policy = { name: 'open' as const }
    const paused = await startRelay(t, 'own', { relay: { policy, quotaPath: null, limits } })
    const [second, third] = [await startRelay(t, 'own'), await startRelay(t, 'own')]
    const clock = new MovingClock(Date.now())
    const { network } = await startHiddenStation(t, {
      seeds: [paused.address, second.address],
      clock,
    })
    await isRelayedBy(network, paused.peerId, second.peerId)
    const client = await startPlainClient(t)
    await assert.rejects(client.dial(`${paused.address}/p2p-circuit/p2p/${network.peerId}`))
    network.noteRelay({ peerId: third.peerId, addresses: [third.address], load: 0 })
    // After half of its half hour, two thirds at most.
    clock.advance(20 * 60_000)
    await isRelayedBy(network, second.peerId, third.peerId)
  })

  it('does not become a neighbour of another such, lets go of it, and says so', async (t) => {
    const relay = await startRelay(t, 'own')
    const seeds = [relay.address]
    const hidden = await startHiddenStation(t, { seeds })
    await isRelayedBy(hidden.network, relay.peerId)
    const finder = await startFinder(t, 'private')
    const { peerId } = hidden.network
    const events = eventsOf(finder.network, peerId)
    finder.network.propose({ peerId, addresses: relayedAddressesOf(hidden.network) })
    const connections = () => finder.network.libp2p.getConnections(hidden.network.libp2p.peerId)
    await waitFor(() => connections().length === 1, { timeoutMs: TIMEOUT_MS, message: 'a circuit' })
    assert.equal(finder.network.transport.connectedPeers().includes(peerId), false)
    await waitFor(async () => FAILED.test(await finder.metrics.text()), {
      timeoutMs: 20_000,
      message: 'it is counted',
    })
    await waitFor(() => connections().length === 0, { message: 'the circuit is closed' })
    assert.deepEqual(events, [])
  })

  it('takes no circuit from a peer that it holds no reservation with', async (t) => {
    const seed = await startLibraryRelay(t)
    const { network, metrics } = await startHiddenStation(t, {
      seeds: [seed.address],
      reachability: 'public',
    })
    const connection = await waitFor(
      () => connectedTo(network).length === 1 && seed.libp2p.getConnections()[0],
      { message: 'connected' },
    )
    const stream = await connection.newStream(STOP_PROTOCOL)
    // CONNECT from a peer that does not exist.
    const id = seed.libp2p.peerId.toMultihash().bytes
    const peer = [0x0a, id.length, ...id]
    stream.send(Uint8Array.of(peer.length + 4, 0x08, 0x00, 0x12, peer.length, ...peer))
    await waitFor(
      async () => /inbound_refused_total\{cap="not-our-relay"\} 1/.test(await metrics.text()),
      { message: 'the refusal is counted' },
    )
    assert.deepEqual([relaysOf(network), relayedAddressesOf(network)], [[], []])
  })

  for (const [what, bytes] of [
    ['whose length has no end', new Uint8Array(250_000).fill(0x80)],
    ['that is longer than any', Uint8Array.of(0x80, 0x80, 0x08, ...new Uint8Array(2_000))],
  ] as const) {
    it(`resets a stream with an answer ${what}, and stays free for others`, async (t) => {
      const liar = await startPlainServer(t)
      const ends: string[] = []
      await liar.handle(HOP_PROTOCOL, (stream) => {
        stream.addEventListener('close', () => ends.push(stream.status))
        stream.send(bytes)
      })
      const { network } = await startFinder(t, 'public')
      const { peerId } = await createEphemeralIdentity()
      const addresses = [`${liar.getMultiaddrs()[0]}/p2p-circuit`]
      const worstMs = await longestBlock(async () => {
        assert.ok(network.propose({ peerId, addresses }))
        await waitFor(() => ends.length > 0, { timeoutMs: 5_000, message: 'the stream is gone' })
      })
      assert.deepEqual(ends.slice(0, 1), ['reset'])
      assert.ok(worstMs < FREE_MS, `${worstMs} ms`)
    })
  }
})
