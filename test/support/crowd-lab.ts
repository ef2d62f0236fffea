/** What test/e2e/crowd.test.ts runs, inside a network in which one machine plays every host. */
import assert from 'node:assert/strict'

import { hostLimits, type NetworkService } from '../../src/network/index.ts'
import type { Metrics } from '../../src/telemetry/index.ts'
import { startHost } from './host.ts'
import { connectedTo, NO_SOURCES, Scope, startNetwork } from './network.ts'
import { hostIp, NODE_IP } from './one-host-net.ts'
import { waitFor } from './wait-for.ts'

const TARGET = 12
const STRANGERS = 15
const LIMITS = hostLimits(512)
const discovery = { ...NO_SOURCES, registry: {} }
const scope = new Scope()
const addressOf = (ip: string, network: { peerId: string }) =>
  `/ip4/${ip}/tcp/4002/p2p/${network.peerId}`

/** Of one address, listening nowhere: it speaks what stations speak, but never agrees to part. */
function startStranger(ip: string) {
  const tcp = { ...LIMITS.tcp, dialOpts: { localAddress: ip } }
  const listen = { hosts: [], tcpPort: 0, ws: null }
  return startHost(scope, {
    networkName: 'wesense-test',
    limits: { ...LIMITS, tcp },
    listen,
    dht: null,
  })
}

async function asked(metrics: Metrics): Promise<number> {
  const text = await metrics.text()
  return Number(/partings_total\{role="asked",outcome="failed"\} (\d+)/.exec(text)?.[1] ?? 0)
}

// Each can do without the node: it has another neighbour and wants only one.
const stations: NetworkService[] = []
for (let n = 0; n < TARGET; n++) {
  const options = { hosts: [hostIp(n)], port: 4002, discovery, targetPeers: 1 }
  stations.push((await startNetwork(scope, options)).network)
}
const neighbour = await startStranger(hostIp(100))
for (const [n, station] of stations.entries()) await neighbour.dial([addressOf(hostIp(n), station)])

const options = { hosts: [NODE_IP], port: 4002, discovery, targetPeers: TARGET }
const { network: node, metrics } = await startNetwork(scope, options)
for (const [n, { peerId }] of stations.entries()) {
  node.propose({ peerId, addresses: [addressOf(hostIp(n), { peerId })] })
}
const reached = () => stations.filter(({ peerId }) => connectedTo(node).includes(peerId)).length
await waitFor(() => reached() === TARGET, {
  timeoutMs: 20_000,
  message: 'every station is reached',
})

for (let n = 0; n < STRANGERS; n++) {
  const stranger = await startStranger(hostIp(200))
  // Of one host, a few connections a second are let in.
  await waitFor(() => stranger.dial([addressOf(NODE_IP, node)]), { message: 'a stranger is in' })
}
await waitFor(async () => (await asked(metrics)) >= STRANGERS, {
  timeoutMs: 30_000,
  message: 'every stranger was asked to part',
})
assert.equal(reached(), TARGET)
assert.equal(node.peers().length, TARGET + STRANGERS)
await scope.end()
