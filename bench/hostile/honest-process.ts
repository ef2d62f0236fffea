/**
 * Honest stations, whole ones, each on an address of its own that it also dials from. The only argument is a
 * JSON `HonestOptions`. It says where their APIs are once all are connected with the node, and answers each
 * message with how they stand with it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import net from 'node:net'

import { Scope } from '../../test/support/network.ts'
import { startStation } from '../../test/support/node.ts'
import { hostIp } from '../../test/support/one-host-net.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import type { HonestOptions, HonestStanding, HonestStart } from './honest.ts'

const { first, count, seed, nodePeerId, networkName }: HonestOptions = JSON.parse(
  process.argv[2] ?? '{}',
)

/** The address that whatever runs now belongs to. */
const source = new AsyncLocalStorage<string>()
const connect = net.connect.bind(net)
// libp2p's TCP transport dials with this, and the node's settings know no address to dial from.
net.connect = ((options: net.TcpNetConnectOpts) =>
  connect({ localAddress: source.getStore(), ...options })) as typeof net.connect

const scope = new Scope()
const stations: Awaited<ReturnType<typeof startStation>>[] = []
const lost = new Set<number>()
const apis: string[] = []
for (let index = 0; index < count; index++) {
  const ip = hostIp(first + index)
  const station = await source.run(ip, () =>
    startStation(scope, {
      env: {
        NETWORK_NAME: networkName,
        LIBP2P_HOST: ip,
        LIBP2P_PORT: '4002',
        ANNOUNCE_ADDRESS: ip,
        ORBITDB_BOOTSTRAP_PEERS: seed,
        API_RATE_LIMIT: '1000000',
        RELAY_ENABLED: 'false',
      },
      memoryLimitBytes: 1_073_741_824,
    }),
  )
  stations.push(station)
  const api = station.node.api.address()
  apis.push(`http://${api?.host}:${api?.port}`)
}
const isConnected = (index: number) =>
  stations[index]?.node.network.peers().some(({ peerId }) => peerId === nodePeerId) ?? false
await waitFor(() => stations.every((_, index) => isConnected(index)), {
  timeoutMs: 60_000,
  message: 'every honest station is connected with the node',
})
for (const [index, { node }] of stations.entries()) {
  node.network.host.onPeer((peerId, isNow) => {
    if (peerId === nodePeerId && !isNow) lost.add(index)
  })
}
const topics = stations[0]?.node.network.libp2p.services.gossipsub.getTopics() ?? []
process.send?.({ apis, topics } satisfies HonestStart)
process.on('message', () => {
  const standing: HonestStanding = {
    lost: lost.size,
    connected: stations.filter((_, index) => isConnected(index)).length,
  }
  lost.clear()
  process.send?.(standing)
})
process.on('disconnect', async () => {
  await scope.end()
  process.exit(0)
})
