/** One scenario of test/e2e/places.test.ts, inside a network in which one machine plays every host. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { Host } from '../../src/network/host.ts'
import type { HostOptions } from '../../src/network/host-options.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/index.ts'
import { startHost } from './host.ts'
import { Scope } from './network.ts'
import { hostIp, NODE_IP } from './one-host-net.ts'
import { waitFor } from './wait-for.ts'

const LIMITS = hostLimits(512)
const PROXY = hostIp(7)
const TOPIC = 'news'
const LISTEN = { hosts: [NODE_IP], tcpPort: 4002, ws: null }
const scope = new Scope()

interface Lab {
  readonly node: Host
  readonly metrics: Metrics
}

async function startNode(
  options: Partial<HostOptions> = {},
  known: readonly string[] = [],
): Promise<Lab> {
  const metrics = createMetrics()
  const standingOf = (peerId: string) => (known.includes(peerId) ? 'member' : 'stranger')
  const node = await startHost(
    scope,
    { limits: LIMITS, listen: LISTEN, dht: null, ...options },
    { metrics, standingOf },
  )
  return { node, metrics }
}

/** A station of that address, which listens nowhere. */
async function startClient(ip: string, identity = createEphemeralIdentity()): Promise<Host> {
  const tcp = { ...LIMITS.tcp, dialOpts: { localAddress: ip } }
  const listen = { hosts: [], tcpPort: 0, ws: null }
  const options = { limits: { ...LIMITS, tcp }, listen, dht: null }
  return await startHost(scope, options, { identity: await identity })
}

async function reach(client: Host, node: Host): Promise<boolean> {
  const connected = client.dial([`/ip4/${NODE_IP}/tcp/4002/p2p/${node.peerId}`])
  const isOpen = await connected.then(
    () => true,
    () => false,
  )
  // A refusal after the handshake comes when the dial has succeeded already.
  return isOpen && (await isHeard(client, node))
}

async function isHeard(client: Host, node: Host): Promise<boolean> {
  return await waitFor(() => node.peers().some(({ peerId }) => peerId === client.peerId), {
    message: 'the node lists it',
    timeoutMs: 2_000,
  }).then(
    () => true,
    () => false,
  )
}

async function refusals({ metrics }: Lab, cap: string): Promise<number> {
  const match = new RegExp(`inbound_refused_total\\{cap="${cap}"\\} (\\d+)`)
  return Number(match.exec(await metrics.text())?.[1] ?? 0)
}

const SCENARIOS: Readonly<Record<string, () => Promise<void>>> = {
  /** One address cannot take a known station's place, however many connections it opens. */
  flood: async () => {
    const identity = await createEphemeralIdentity()
    const lab = await startNode({}, [identity.peerId])
    const sockets: Socket[] = []
    scope.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    let closed = 0
    for (let n = 0; n < 500; n++) {
      // The kernel's queue of the listener is shorter than that.
      if (n % 50 === 0) await waitFor(() => closed >= n - 20, { message: `${n} are refused` })
      const socket = connect({ host: NODE_IP, port: 4002, localAddress: hostIp(1) })
      socket.resume().on('error', () => {})
      socket.on('close', () => closed++)
      sockets.push(socket)
    }
    await waitFor(() => closed >= 490, { message: 'most are refused' })
    const client = await startClient(hostIp(2), Promise.resolve(identity))
    assert.ok(await reach(client, lab.node), 'the known station is in')
    assert.ok((await refusals(lab, 'rate')) > 400)
  },

  /** Strangers on many hosts fill the node; a known station gets in and one of them goes. */
  strangers: async () => {
    const connectionManager = { ...LIMITS.connectionManager, maxConnections: 20 }
    const identities = await Promise.all([1, 2, 3, 4, 5].map(() => createEphemeralIdentity()))
    const lab = await startNode(
      { limits: { ...LIMITS, connectionManager } },
      identities.map(({ peerId }) => peerId),
    )
    const strangers = await Promise.all(
      Array.from({ length: 18 }, (_, n) => startClient(hostIp(100 + n))),
    )
    for (const client of strangers.slice(0, 16)) {
      await waitFor(() => reach(client, lab.node), { message: 'a stranger is in' })
    }
    for (const client of strangers.slice(16)) assert.equal(await reach(client, lab.node), false)
    assert.deepEqual(lab.node.places, { total: 16, known: 0, keptFree: 4 })
    for (const [n, identity] of identities.entries()) {
      const client = await startClient(hostIp(200 + n), Promise.resolve(identity))
      assert.ok(await reach(client, lab.node), `known station ${n} is in`)
    }
    assert.deepEqual(lab.node.places, { total: 20, known: 5, keptFree: 0 })
    assert.match(
      await lab.metrics.text(),
      /connections_evicted_total\{reason="known-station"\} 1\n/,
    )
    assert.equal(await refusals(lab, 'full'), 2)
  },

  /** Of one address sixteen get in, one after the other, and the seventeenth does not. */
  capped: async () => {
    const lab = await startNode()
    for (let n = 0; n < 16; n++) {
      await waitFor(async () => await reach(await startClient(PROXY), lab.node), {
        message: `client ${n} is in`,
      })
    }
    // The first ones may have been too fast.
    const isRefused = async () => {
      assert.equal(await reach(await startClient(PROXY), lab.node), false)
      return (await refusals(lab, 'host')) > 0
    }
    await waitFor(isRefused, { message: 'it is the cap that refuses', timeoutMs: 8_000 })
  },

  /** Sixty clients behind an exempt proxy get in at once, and each is heard in gossip. */
  exempt: async () => {
    const lab = await startNode({ inboundExemptNetworks: [`${PROXY}/32`] })
    const heard = new Set<string>()
    lab.node.gossip.subscribe(
      TOPIC,
      () => 'accept',
      (_, bytes) => heard.add(new TextDecoder().decode(bytes)),
    )
    const clients = await Promise.all(Array.from({ length: 60 }, () => startClient(PROXY)))
    for (const { gossip } of clients) {
      gossip.subscribe(
        TOPIC,
        () => 'accept',
        () => {},
      )
    }
    const isIn = (client: Host) =>
      waitFor(() => reach(client, lab.node), { message: 'a client is in', timeoutMs: 20_000 })
    await Promise.all(clients.map(isIn))
    assert.equal(await refusals(lab, 'host'), 0)
    const isHeard = () => lab.node.gossip.subscribers(TOPIC).length === 60
    await waitFor(isHeard, { message: 'sixty subscribers', timeoutMs: 8_000 })
    for (const client of clients) {
      const sees = () => client.gossip.subscribers(TOPIC).length > 0
      await waitFor(sees, { message: 'the node subscribes' })
      await client.gossip.publish(TOPIC, new TextEncoder().encode(client.peerId))
    }
    await waitFor(() => heard.size === 60, { message: 'sixty messages', timeoutMs: 8_000 })
  },
}

const scenario = SCENARIOS[process.argv[2] ?? '']
if (scenario === undefined) throw new Error('which scenario?')
try {
  await scenario()
} finally {
  await scope.end()
}
process.exit(0)
