import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { NameResolver } from '../../src/network/index.ts'
import type { Metrics } from '../../src/telemetry/index.ts'
import {
  addressOf,
  connectedTo,
  NO_SOURCES,
  portOf,
  startNetwork,
  testNetwork,
} from '../support/network.ts'
import { tempDir } from '../support/temp-dir.ts'
import { waitFor } from '../support/wait-for.ts'
import { ManualClock, recordingLogger } from '../unit/network/fakes.ts'

const PEER_EXCHANGE = { ...NO_SOURCES, peerExchange: {} }

describe('seeds', { timeout: 60_000 }, () => {
  it('connects, without a restart, to a seed that comes up after it', async (t) => {
    const port = await freePort()
    const logger = recordingLogger()
    const { network } = await startNetwork(t, { seeds: [`127.0.0.1:${port}`], logger })
    await waitFor(() => network.status().seeds[0]?.lastError !== null, {
      message: 'the seed was tried in vain',
    })
    const seed = await startNetwork(t, { port })
    await waitFor(() => connectedTo(network).includes(seed.network.peerId), {
      timeoutMs: 10_000,
      message: 'connected to the seed',
    })
    assert.equal(network.status().seeds[0]?.state, 'connected')
    const lines = logger.lines.filter(({ message }) => message.startsWith('seed'))
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['warn', 'info'],
    )
  })

  it('comes back to a seed that went away and returned', async (t) => {
    const identity = await createEphemeralIdentity()
    const first = await startNetwork(t, { identity })
    const port = portOf(first.network)
    const { network } = await startNetwork(t, { seeds: [`127.0.0.1:${port}`] })
    const isConnected = () => connectedTo(network).includes(identity.peerId)
    await waitFor(isConnected, { message: 'connected' })
    await first.network.stop()
    await waitFor(() => !isConnected(), { message: 'disconnected' })
    await startNetwork(t, { identity, port })
    await waitFor(isConnected, { timeoutMs: 10_000, message: 'connected again' })
  })

  it('comes back through its saved addresses when every seed is gone', async (t) => {
    const addressBookPath = join(await tempDir(t), 'address-book.json')
    const seed = await startNetwork(t, { discovery: PEER_EXCHANGE })
    const seeds = [addressOf(seed.network)]
    const neighbour = await startNetwork(t, { seeds, discovery: PEER_EXCHANGE })
    const identity = await createEphemeralIdentity()
    const options = { identity, seeds, discovery: PEER_EXCHANGE, addressBookPath }
    const before = await startNetwork(t, options)
    const found = neighbour.network.peerId
    await waitFor(() => before.network.status().counts.addressBook === 2, {
      message: 'both are in the address book',
    })
    await before.network.stop()
    await seed.network.stop()
    await neighbour.network.stop()
    // The neighbour is somebody who knows nothing of us, where it was before.
    const returned = await startNetwork(t, {
      identity: neighbour.identity,
      port: Number(/tcp\/(\d+)/.exec(await savedAddress(addressBookPath, found))?.[1]),
    })
    const after = await startNetwork(t, { ...options, discovery: NO_SOURCES })
    await waitFor(() => connectedTo(after.network).includes(returned.network.peerId), {
      timeoutMs: 10_000,
      message: 'connected to the neighbour',
    })
    assert.equal(after.network.status().seeds[0]?.state, 'waiting')
    assert.match(await after.metrics.text(), /dials_total\{outcome="ok",source="address-book"\} 1/)
  })

  it('refuses a seed with another peer ID than the pinned one, says so once and waits 15 min', async (t) => {
    const seed = await startNetwork(t)
    const { peerId } = await createEphemeralIdentity()
    const logger = recordingLogger()
    const pinned = `${addressOf(seed.network, false)}/p2p/${peerId}`
    const clock = new ManualClock()
    const { network, metrics } = await startNetwork(t, { seeds: [pinned], logger, clock })
    await waitFor(() => network.status().seeds[0]?.state === 'refused', { message: 'refused' })
    for (let second = 0; second < 12 * 60; second++) await clock.advance(1000)
    assert.deepEqual(connectedTo(network), [])
    assert.equal(await dialsOf(metrics), 1)
    for (let second = 0; second < 7 * 60; second++) await clock.advance(1000)
    await waitFor(async () => (await dialsOf(metrics)) === 2, { message: 'dialled once more' })
    const refusals = logger.lines.filter(({ level }) => level === 'warn')
    assert.equal(refusals.length, 1)
    assert.equal(refusals[0]?.fields.expected, peerId)
  })

  it('dials the others behind a dnsaddr when the first does not answer', async (t) => {
    const seed = await startNetwork(t)
    const { peerId } = await createEphemeralIdentity()
    const dead = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${peerId}`
    const resolver: NameResolver = {
      addresses: async () => [],
      txt: async () => [`dnsaddr=${dead}`, `dnsaddr=${addressOf(seed.network)}`],
    }
    const { network } = await startNetwork(t, { seeds: ['/dnsaddr/net.example'], resolver })
    await waitFor(() => connectedTo(network).includes(seed.network.peerId), {
      message: 'connected',
    })
  })
})

describe('own addresses', { timeout: 60_000 }, () => {
  it('are never dialled, in whatever form they are given', async (t) => {
    const port = await freePort()
    const identity = await createEphemeralIdentity()
    const [machineIp] = Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => address)
    const resolver: NameResolver = {
      addresses: async (name) => (name === 'us.example' ? ['192.0.2.77'] : ['127.0.0.1']),
      txt: async () => [`dnsaddr=/ip4/127.0.0.1/tcp/${port}/p2p/${identity.peerId}`],
    }
    const seeds = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `alias.example:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `/ip4/127.0.0.1/tcp/${port}`,
      `/ip4/127.0.0.9/tcp/${port}`,
      `/ip4/203.0.113.7/tcp/4002/p2p/${identity.peerId}`,
      `/dnsaddr/net.example`,
      // What we announce: the name, and the IP that only its record tells.
      `us.example:${port}`,
      `192.0.2.77:${port}`,
      ...(machineIp === undefined ? [] : [`${machineIp}:${port}`]),
    ]
    const { network, metrics } = await testNetwork(t, {
      identity,
      hosts: ['0.0.0.0', '::'],
      port,
      seeds,
      resolver,
      discovery: { ...NO_SOURCES, registry: {} },
      announce: [
        {
          kind: 'host',
          input: 'us.example',
          host: { kind: 'dns', value: 'us.example' },
          port: null,
          peerId: null,
        },
      ],
    })
    const dials: unknown[] = []
    t.mock.method(network.libp2p, 'dial', async (target: unknown) => {
      dials.push(target)
      throw new Error('dialled')
    })
    await network.start()
    network.discover()
    for (const address of [`/ip4/127.0.0.1/tcp/${port}`, `/dns4/us.example/tcp/${port}`]) {
      const other = await createEphemeralIdentity()
      network.propose({ peerId: other.peerId, addresses: [address] })
    }
    await waitFor(() => network.status().seeds.every(({ state }) => state !== 'waiting'), {
      message: 'every seed was looked at',
    })
    assert.deepEqual(
      network.status().seeds.filter(({ state }) => state !== 'self'),
      [],
    )
    assert.deepEqual(dials, [])
    assert.doesNotMatch(await metrics.text(), /outcome="(ok|failed|unreachable|timeout)"/)
  })
})

describe('a thousand unreachable candidates', { timeout: 60_000 }, () => {
  it('cost few dials at a time, little memory and no log lines', async (t) => {
    const stuck = await stuckServers(t)
    const logger = recordingLogger()
    const { network, metrics } = await startNetwork(t, {
      logger,
      discovery: { ...NO_SOURCES, registry: {} },
    })
    let mostParallel = 0
    const real = network.libp2p.dial.bind(network.libp2p)
    let running = 0
    t.mock.method(network.libp2p, 'dial', async (...args: Parameters<typeof real>) => {
      mostParallel = Math.max(mostParallel, ++running)
      try {
        return await real(...args)
      } finally {
        running--
      }
    })
    const beforeBytes = liveHeapBytes()
    const startedAtMs = performance.now()
    let accepted = 0
    const offer = async (n: number) => {
      const { peerId } = await createEphemeralIdentity()
      const address =
        n % 4 === 0 ? (stuck[n % stuck.length] ?? '') : `/ip4/127.0.0.1/tcp/${2000 + n}`
      if (network.propose({ peerId, addresses: [address] })) accepted++
    }
    for (let n = 0; n < 1000; n++) await offer(n)
    await waitFor(async () => (await dialsOf(metrics)) >= 25, {
      timeoutMs: 20_000,
      message: 'the burst and some more have failed',
    })
    const seconds = (performance.now() - startedAtMs) / 1000
    const dials = await dialsOf(metrics)
    const grownKib = Math.round((liveHeapBytes() - beforeBytes) / 1024)
    const { candidates } = network.status().counts
    t.diagnostic(
      `${accepted} accepted, ${dials} dials, ${mostParallel} at a time, heap +${grownKib} KiB`,
    )
    assert.ok(mostParallel <= 8, `${mostParallel} dials at a time`)
    // A burst of 20, then 2 a second.
    assert.ok(dials <= 20 + 2 * (seconds + 1), `${dials} dials in ${seconds} s`)
    assert.equal(candidates, 1000)
    // About 1 KiB for a candidate, and what the host keeps of the peers that were dialled.
    assert.ok(grownKib < 8 * 1024, `${grownKib} KiB`)
    assert.deepEqual(
      logger.lines
        .filter(({ message }) => !message.startsWith('Listening'))
        .map((one) => one.message),
      [],
    )
  })
})

/** What is in use after a collection. */
function liveHeapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

/** Servers that accept and stay silent: the slowest way to fail. */
async function stuckServers(t: { after(job: () => unknown): void }): Promise<string[]> {
  const servers: Server[] = []
  const sockets = new Set<{ destroy(): void }>()
  for (let n = 0; n < 4; n++) {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
  }
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
  })
  return servers.map((server) => {
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    return `/ip4/127.0.0.1/tcp/${address.port}`
  })
}

async function dialsOf(metrics: Metrics): Promise<number> {
  const lines = (await metrics.text()).match(/^wesense_dials_total\{.*\} \d+$/gm) ?? []
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

async function savedAddress(path: string, peerId: string): Promise<string> {
  const { peers } = JSON.parse(await readFile(path, 'utf8')) as {
    peers: { peerId: string; addresses: string[] }[]
  }
  return peers.find((peer) => peer.peerId === peerId)?.addresses[0] ?? ''
}
