import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { PageClient } from '../../src/client/client.ts'
import { createClientLibp2p } from '../../src/client/create-libp2p.ts'
import { DialPermits } from '../../src/client/dial-permits.ts'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import { readKey } from '../../src/client/keys.ts'
import { RegistryReader } from '../../src/client/registry.ts'
import { type Station, startStation } from '../support/node.ts'
import { publicRelay } from '../support/public-relay.ts'
import { waitFor } from '../support/wait-for.ts'

/** A relay with the default policy, on a WebSocket of this machine. */
async function relay(t: TestContext): Promise<{ station: Station; addresses: string[] }> {
  const station = await startStation(t, {
    env: { WS_ENABLED: 'true', WS_PORT: '0', RELAY_ENABLED: 'true' },
  })
  const listen = station.node.network.status().listen.filter((one) => one.endsWith('/ws'))
  return { station, addresses: listen.map((one) => `${one}/p2p/${station.peerId}`) }
}

async function client(t: TestContext, options: ConnectOptions): Promise<Client> {
  const made = await connect(options)
  t.after(() => made.stop())
  return made
}

/** Waits until the one is linked with the other. */
async function untilLinked(one: Client, other: Client): Promise<void> {
  await waitFor(
    () => one.peers().some((peer) => peer.peerId === other.peerId && peer.link !== 'none'),
    {
      timeoutMs: 10_000,
      message: 'a link',
    },
  )
}

describe('clients without WebRTC, as Node is one', () => {
  it('find each other through the relay, talk, and see each other leave', async (t) => {
    const { addresses, station } = await relay(t)
    const bootstrap = addresses
    const [first, second] = [await client(t, { bootstrap }), await client(t, { bootstrap })]
    await untilLinked(first, second)
    await untilLinked(second, first)
    assert.deepEqual(
      first.peers().map(({ link, isPresent }) => ({ link, isPresent })),
      [{ link: 'relayed', isPresent: true }],
    )
    assert.ok((await first.ping(second.peerId)) >= 0)
    await second.stop()
    await waitFor(() => first.peers().length === 0, { message: 'it is gone' })
    assert.equal((await station.metrics()).get('wesense_pages_present'), 1)
  })

  it('ask a node once, under however many addresses they know it', async (t) => {
    const { addresses, station } = await relay(t)
    const [address = ''] = addresses
    const withoutId = address.replace(/\/p2p\/.*/, '')
    const first = await client(t, { bootstrap: [address, withoutId, address] })
    const second = await client(t, { bootstrap: address })
    await untilLinked(first, second)
    await waitFor(() => first.status().bootstraps.every(({ isReserved }) => isReserved), {
      message: 'all of them are connected',
    })
    const startedAtMs = performance.now()
    // Longer than a stream that was taken from the one by the other waits before it takes it back.
    await waitFor(() => performance.now() - startedAtMs > 2_500, { message: 'time passes' })
    const metrics = await station.metrics()
    assert.equal(metrics.get('wesense_pages_streams'), 2)
    assert.equal(metrics.get('wesense_pages_streams_ended_total{reason="replaced"}'), undefined)
  })
})

/** How many relays the node tells of. */
async function relaysAt(url: string): Promise<number> {
  const response = await fetch(`${url}/bootstrap`)
  const { peers } = (await response.json()) as { peers: { roles: string[] }[] }
  return peers.filter(({ roles }) => roles.includes('relay')).length
}

/** A client that lists nodes anew three times a second while it has no place at any. */
async function relisting(
  t: TestContext,
  bootstraps: readonly Multiaddr[],
  list: () => readonly Multiaddr[],
): Promise<PageClient> {
  const privateKey = await readKey(null)
  const permits = new DialPermits(bootstraps)
  const libp2p = await createClientLibp2p({
    ...{ network: 'wesense', privateKey, permits, iceServers: [], relays: 1, hasWebRtc: false },
  })
  const registry = new RegistryReader({ network: 'wesense', url: null })
  const made = new PageClient(
    { network: 'wesense', targetPeers: 4, hasWebRtc: false, bootstraps, relistMs: 300 },
    { libp2p, privateKey, permits, registry, relist: async () => ({ addresses: list() }) },
  )
  t.after(() => made.stop())
  await made.start()
  return made
}

describe('clients that know the public HTTP of a node alone', () => {
  it('meet each other though each asked another node', async (t) => {
    const one = await publicRelay(t)
    const other = await publicRelay(t, [one.station])
    for (const { url } of [one, other]) {
      await waitFor(async () => (await relaysAt(url)) === 2, {
        timeoutMs: 20_000,
        message: 'each tells of the other',
      })
    }
    const first = await client(t, { bootstrap: one.url })
    const second = await client(t, { bootstrap: `${other.url}#${other.station.peerId}` })
    await untilLinked(first, second)
    assert.deepEqual(
      first.status().bootstraps.map(({ peerId }) => peerId),
      [one.station.peerId, other.station.peerId],
    )
    const { nodes, refused } = await second.registry.nodes()
    assert.equal(refused, 0)
    assert.ok(nodes.some(({ author }) => author === one.station.peerId))
  })

  it('go to the nodes that are listed by then when their own is gone for good', async (t) => {
    const [gone, next] = [await relay(t), await relay(t)]
    const bootstraps = gone.addresses.slice(0, 1).map((address) => multiaddr(address))
    let listed = bootstraps
    let lists = 0
    const client = await relisting(t, bootstraps, () => {
      lists += 1
      return listed
    })
    const isAt = (peerId: string) => {
      const [only] = client.status().bootstraps
      return only?.peerId === peerId && only.isReserved
    }
    await waitFor(() => isAt(gone.station.peerId), { timeoutMs: 10_000, message: 'a place' })
    listed = next.addresses.map((address) => multiaddr(address))
    lists = 0
    let listsOfLost = 0
    await relisting(t, [multiaddr('/ip4/127.0.0.1/tcp/1/ws')], () => {
      listsOfLost += 1
      return []
    })
    await waitFor(() => listsOfLost >= 2, { message: 'a client without a place lists anew' })
    assert.equal(lists, 0, 'nothing is listed anew while all is well')
    assert.ok(isAt(gone.station.peerId))
    await gone.station.node.stop()
    await waitFor(() => isAt(next.station.peerId), { timeoutMs: 15_000, message: 'the next one' })
    assert.equal(client.status().bootstraps.length, 1)
  })

  it('are told why they cannot come in', async (t) => {
    const { url } = await publicRelay(t)
    await assert.rejects(connect({ bootstrap: url, network: 'elsewhere' }), {
      code: 'OTHER_NETWORK',
      message: /wesense, not of elsewhere/,
    })
  })
})

describe('a node, of the clients that come to it', () => {
  it('takes them for none of its stations, tells nobody of them, and relays for them as clients', async (t) => {
    const { addresses, station } = await relay(t)
    const bootstrap = addresses
    const [first, second] = [await client(t, { bootstrap }), await client(t, { bootstrap })]
    await untilLinked(first, second)
    const { network } = station.node
    await waitFor(() => network.peers().filter(({ isClient }) => isClient).length === 2, {
      message: 'both are identified',
    })
    assert.ok(network.peers().every(({ isStation }) => !isStation))
    const { counts } = network.status()
    assert.deepEqual(
      [counts.connectedPeers, counts.connectedStations, counts.knownStations, counts.addressBook],
      [2, 0, 0, 0],
    )
    const report = network.relay()
    assert.deepEqual(
      report?.status.reservations.map(({ client: one }) => one.class),
      ['client', 'client'],
    )
    assert.deepEqual(report?.totals.refusals, {})
    const metrics = await station.metrics()
    assert.equal(metrics.get('wesense_relay_clients_reservations'), 2)
    assert.equal(metrics.get('wesense_relay_reservations'), 0)
    assert.equal(metrics.get('wesense_relay_grace_given_total') ?? 0, 0)
  })

  it('gives the place of one that left to the next within seconds', async (t) => {
    const { addresses, station } = await relay(t)
    const first = await client(t, { bootstrap: addresses })
    const held = () => station.node.network.relay()?.status.reservations ?? []
    await waitFor(() => held().length === 1, { timeoutMs: 10_000, message: 'a place' })
    await first.stop()
    await waitFor(() => held().length === 0, { timeoutMs: 8_000, message: 'it is free' })
  })
})
