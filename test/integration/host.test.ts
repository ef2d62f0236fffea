import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createHost } from '../../src/network/create-host.ts'
import { NetworkError } from '../../src/network/errors.ts'
import type { Host } from '../../src/network/host.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createLogger, createMetrics } from '../../src/telemetry/index.ts'
import { connect, hostComponents, hostOptions, startHost } from '../support/host.ts'
import { waitFor } from '../support/wait-for.ts'

const GOSSIP = ['/meshsub/1.0.0', '/meshsub/1.1.0', '/meshsub/1.2.0']

test('a host speaks its network’s protocols and nothing of the public IPFS', async (t) => {
  const host = await startHost(t, { networkName: 'wesense' })
  assert.deepEqual(host.libp2p.getProtocols().sort(), [
    ...GOSSIP,
    '/wesense/id/1.0.0',
    '/wesense/id/push/1.0.0',
    '/wesense/kad/1.0.0',
    '/wesense/ping/1.0.0',
  ])
})

test('what is off is not there', async (t) => {
  const host = await startHost(t, { dht: null })
  assert.equal(host.dht, null)
  assert.deepEqual(host.libp2p.getProtocols().sort(), [
    ...GOSSIP,
    '/test/id/1.0.0',
    '/test/id/push/1.0.0',
    '/test/ping/1.0.0',
  ])
})

test('a host dials nobody by itself, however many peers it hears of', async (t) => {
  const dialled: string[] = []
  const host = await startHost(t)
  host.libp2p.addEventListener('connection:open', ({ detail }) => {
    if (detail.direction === 'outbound') dialled.push(detail.remoteAddr.toString())
  })
  const [first, second, third] = [await startHost(t), await startHost(t), await startHost(t)]
  await connect(first, host)
  await connect(second, host)
  await host.libp2p.peerStore.merge(third.libp2p.peerId, {
    multiaddrs: third.listenAddresses().map((address) => multiaddr(address)),
  })
  await waitFor(() => host.peers().every(({ isStation }) => isStation), { message: 'identify' })
  await waitFor(() => (host.dht?.size ?? 0) === 2, { message: 'both in the routing table' })
  assert.deepEqual(dialled, [])
  assert.equal(host.libp2p.getDialQueue().length, 0)
})

test('peers of two networks share no identify and are no stations to each other', async (t) => {
  const ours = await startHost(t, { networkName: 'ours' })
  const theirs = await startHost(t, { networkName: 'theirs' })
  await connect(ours, theirs)
  const [peer] = await waitFor(() => theirs.peers().length > 0 && theirs.peers(), {
    message: 'connected',
  })
  assert.equal(peer?.isStation, false)
  assert.equal(peer?.agent, null)
  assert.deepEqual(theirs.gossip.subscribers('any'), [])
})

test('a private network lets in who has its key and nobody else', async (t) => {
  const networkKey = new Uint8Array(32).fill(7)
  const host = await startHost(t, { networkKey })
  const friend = await startHost(t, { networkKey })
  const stranger = await startHost(t)
  const wrong = await startHost(t, { networkKey: new Uint8Array(32).fill(8) })
  await connect(friend, host)
  await assert.rejects(connect(stranger, host))
  await assert.rejects(connect(wrong, host))
  assert.deepEqual(
    host.peers().map(({ peerId }) => peerId),
    [friend.peerId],
  )
})

test('a port that is taken is named, and the host can be stopped all the same', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  const tcpPort = typeof address === 'object' && address !== null ? address.port : 0
  const host = await createHost(
    hostOptions({ listen: { hosts: ['127.0.0.1'], tcpPort, ws: { port: 0, tls: null } } }),
    await hostComponents(),
  )
  await assert.rejects(host.start(), (error) => {
    assert.ok(error instanceof NetworkError)
    assert.equal(error.code, 'PORT_IN_USE')
    assert.equal(error.facts.port, tcpPort)
    return true
  })
  await host.stop()
  assert.deepEqual(host.listenAddresses(), [])
})

test('a port that is taken on IPv6 alone is an error too', async (t) => {
  const server = createServer().listen({ port: 0, host: '::1', ipv6Only: true })
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  const tcpPort = typeof address === 'object' && address !== null ? address.port : 0
  const host = await createHost(
    hostOptions({ listen: { hosts: ['127.0.0.1', '::1'], tcpPort, ws: null } }),
    await hostComponents(),
  )
  await assert.rejects(
    host.start(),
    (error) => error instanceof NetworkError && error.code === 'PORT_IN_USE',
  )
})

test('an address that this machine does not have is told in words', async () => {
  const host = await createHost(
    hostOptions({ listen: { hosts: ['198.51.100.1'], tcpPort: 0, ws: null } }),
    await hostComponents(),
  )
  await assert.rejects(host.start(), (error) => {
    assert.ok(error instanceof NetworkError)
    assert.equal(error.code, 'LISTEN_FAILED')
    assert.match(
      error.message,
      /cannot listen on \/ip4\/198\.51.+: this machine has no such address$/,
    )
    assert.deepEqual([error.facts.reason, error.facts.listener], ['EADDRNOTAVAIL', 'peers'])
    return true
  })
})

test('every listener of every family is reachable', async (t) => {
  const host = await startHost(t, {
    listen: { hosts: ['127.0.0.1', '::1'], tcpPort: 0, ws: { port: 0, tls: null } },
  })
  const addresses = host.listenAddresses()
  assert.equal(addresses.length, 4)
  for (const address of addresses) {
    const visitor = await startHost(t)
    await visitor.dial([`${address}/p2p/${host.peerId}`])
  }
  await waitFor(() => host.peers().length === 4, { message: 'four visitors' })
})

test('peers learn what is announced, configured addresses first', async (t) => {
  const host = await startHost(t, {
    announce: [
      {
        kind: 'host',
        input: 'boot.wesense.example',
        host: { kind: 'dns', value: 'boot.wesense.example' },
        port: 4002,
        peerId: null,
      },
    ],
  })
  const visitor = await startHost(t)
  await connect(visitor, host)
  const told = await waitFor(
    async () => {
      const { addresses } = await visitor.libp2p.peerStore.get(host.libp2p.peerId)
      return addresses.length > 1 && addresses.map(({ multiaddr: address }) => String(address))
    },
    { message: 'identify' },
  )
  assert.deepEqual(told, ['/dns/boot.wesense.example/tcp/4002', ...host.listenAddresses()])
  assert.deepEqual(host.announceAddresses(), told)
})

test('a host that starts and stops twice does it once', async (t) => {
  const host = await startHost(t)
  await host.start()
  await host.stop()
  await host.stop()
  assert.deepEqual(host.listenAddresses(), [])
})

test('a peer with two connections gives one line when it comes and one when it goes', async (t) => {
  const lines: string[] = []
  const logger = createLogger({ destination: { write: (line: string) => lines.push(line) } })
  const host = await startHost(
    t,
    { listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: { port: 0, tls: null } } },
    { logger },
  )
  const count = (text: string) => lines.filter((line) => line.includes(text)).length
  const events: boolean[] = []
  host.onPeer((_peerId, isConnected) => events.push(isConnected))
  const visitor = await startHost(t)
  for (const address of host.listenAddresses()) {
    await visitor.dial([`${address}/p2p/${host.peerId}`], { force: true })
  }
  await waitFor(() => host.libp2p.getConnections().length === 2, { message: 'two connections' })
  assert.equal(count('Peer connected'), 1)
  const [one] = host.libp2p.getConnections()
  await one?.close()
  await waitFor(() => host.libp2p.getConnections().length === 1, { message: 'one connection' })
  assert.equal(count('Peer disconnected'), 0)
  await visitor.stop()
  await waitFor(() => host.peers().length === 0, { message: 'the peer is gone' })
  assert.equal(count('Peer disconnected'), 1)
  assert.deepEqual(events, [true, false])
})

test('each peer that goes gives its own reason', async (t) => {
  const lines: string[] = []
  const logger = createLogger({ destination: { write: (line: string) => lines.push(line) } })
  const host = await startHost(t, { dht: null }, { logger })
  const visitors = [await startHost(t, { dht: null }), await startHost(t, { dht: null })] as const
  for (const visitor of visitors) await connect(visitor, host)
  await waitFor(() => host.peers().every(({ isStation }) => isStation), { message: 'identify' })
  const [breaks, closes] = visitors
  const goneOf = ({ peerId }: Host) =>
    waitFor(
      () => lines.find((line) => line.includes('Peer disconnected') && line.includes(peerId)),
      { message: 'the line about the peer' },
    )
  breaks.libp2p.getConnections()[0]?.abort(new Error('test'))
  assert.match(await goneOf(breaks), /\breset\b/)
  await host.libp2p.getConnections()[0]?.close()
  assert.match(await goneOf(closes), /\bclosed\b/)
})

test('stopping says farewell to every peer, once', async (t) => {
  const lines: string[] = []
  const logger = createLogger({ destination: { write: (line: string) => lines.push(line) } })
  const host = await startHost(t, {}, { logger })
  await connect(await startHost(t), host)
  await connect(await startHost(t), host)
  await waitFor(() => host.peers().length === 2, { message: 'both are connected' })
  await host.stop()
  assert.equal(lines.filter((line) => line.includes('Peer disconnected')).length, 2)
})

test('the numbers tell who is connected and who was', async (t) => {
  const metrics = createMetrics()
  // A ping of the DHT that is under way would make of a close an error.
  const host = await startHost(t, { dht: null }, { metrics })
  const [stays, goes] = [await startHost(t), await startHost(t)]
  await connect(stays, host)
  await connect(goes, host)
  await waitFor(() => host.peers().filter(({ isStation }) => isStation).length === 2, {
    message: 'identify',
  })
  await goes.stop()
  await waitFor(() => host.peers().length === 1, { message: 'one is gone' })
  const text = await metrics.text()
  for (const line of [
    'wesense_connections{direction="inbound"} 1',
    'wesense_connections{direction="outbound"} 0',
    'wesense_connections_opened_total{direction="inbound"} 2',
    'wesense_peers_connected 1',
    'wesense_peers_known 2',
    `wesense_connections_limit ${hostLimits(1_024).connectionManager.maxConnections}`,
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
  assert.match(text, /wesense_connections_closed_total\{reason="(closed|reset)"\} 1/)
  assert.match(text, /wesense_streams\{protocol="\/meshsub\/1\.2\.0"\} [1-9]/)
})

test('one host cannot take every place, and the refusals are counted', async (t) => {
  const metrics = createMetrics()
  const limits = hostLimits(1_024)
  const inboundCaps = { perHost: 2, perSubnet: 2, perPrivateHost: 2 }
  // A wildcard listener: loopback peers have no exemption there.
  const host = await startHost(
    t,
    { limits: { ...limits, inboundCaps }, listen: { hosts: ['0.0.0.0'], tcpPort: 0, ws: null } },
    { metrics },
  )
  const visitors = await Promise.all([startHost(t), startHost(t), startHost(t)])
  const dials = visitors.map((visitor) => connect(visitor, host))
  const outcomes = await Promise.allSettled(dials)
  assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1)
  assert.match(await metrics.text(), /wesense_inbound_refused_total\{cap="private-host"\} 1/)
})

test('a remote’s addresses are kept only as far as they may be dialled', async (t) => {
  const host = await startHost(t, { listen: { hosts: ['0.0.0.0'], tcpPort: 0, ws: null } })
  const { peerId } = await hostComponents().then(({ identity }) => identity)
  const told = [
    '/ip4/169.254.169.254/tcp/8080',
    '/ip4/127.0.0.1/tcp/5000',
    '/ip4/10.99.99.99/tcp/5000',
    '/ip4/8.8.8.8/tcp/25',
    ...Array.from({ length: 20 }, (_, index) => `/ip4/8.8.8.8/tcp/${5000 + index}`),
  ]
  const peer = await host.libp2p.peerStore.merge(peerIdFromString(peerId), {
    multiaddrs: told.map((address) => multiaddr(address)),
  })
  const kept = peer.addresses.map(({ multiaddr: address }) => address.toString())
  assert.equal(kept.length, 8)
  assert.ok(kept.every((address) => address.startsWith('/ip4/8.8.8.8/tcp/50')))
})

test('a name that leads inside is not dialled for a remote', async (t) => {
  const metrics = createMetrics()
  const lookupName = async (name: string) => (name === 'evil.example' ? ['127.0.0.1'] : [])
  const host = await startHost(
    t,
    { listen: { hosts: ['0.0.0.0'], tcpPort: 0, ws: null } },
    { metrics, lookupName },
  )
  await assert.rejects(host.dial(['/dns4/evil.example/tcp/6379']))
  await assert.rejects(host.dial(['/dns4/gone.example/tcp/6379']))
  const text = await metrics.text()
  assert.match(text, /wesense_dial_addresses_refused_total\{reason="loopback"\} 1/)
  assert.match(text, /wesense_dial_addresses_refused_total\{reason="unresolved"\} 1/)
})

test('the peer store forgets its oldest when it is full, but nobody who is connected', async (t) => {
  const metrics = createMetrics()
  const limits = hostLimits(1_024)
  const knownPeers = { ...limits.knownPeers, maxPeers: 20 }
  const host = await startHost(t, { limits: { ...limits, knownPeers } }, { metrics })
  const friend = await startHost(t)
  await connect(friend, host)
  await waitFor(() => host.peers()[0]?.isStation, { message: 'identify' })
  for (let index = 0; index < 40; index++) {
    const { identity } = await hostComponents()
    await host.libp2p.peerStore.merge(peerIdFromString(identity.peerId), {
      multiaddrs: [multiaddr(`/ip4/8.8.8.8/tcp/${5000 + index}`)],
    })
  }
  const known = await waitFor(
    async () => {
      const peers = await host.libp2p.peerStore.all()
      return peers.length <= 20 && peers.map(({ id }) => id.toString())
    },
    { message: 'the store is within its cap' },
  )
  assert.ok(known.includes(friend.peerId))
  assert.match(await metrics.text(), /wesense_peers_forgotten_total [1-9]/)
})
