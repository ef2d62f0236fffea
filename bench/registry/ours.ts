import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createHost } from '../../src/network/create-host.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { hostComponents, hostOptions } from '../../test/support/host.ts'
import type { Contender, ContenderOptions } from './types.ts'

/** Our registry on our host, with bitswap, as a station runs it, but for discovery and API. */
export async function openOurs({ directory, contact }: ContenderOptions): Promise<Contender> {
  const identity = await createEphemeralIdentity()
  const host = await createHost(hostOptions({ dht: null }), await hostComponents({ identity }))
  await host.start()
  const registry = createRegistry(
    {
      directory,
      networkName: 'bench',
      nodeTtlDays: 7,
      bitswap: { maxInboundStreams: 32, maxOutboundStreams: 32 },
    },
    {
      identity,
      transport: host.transport,
      libp2p: host.libp2p,
      logger: silentLogger,
      metrics: createMetrics(),
    },
  )
  await registry.start()
  if (contact !== null) await host.dial([contact.multiaddr])
  const [address] = host.listenAddresses()
  return {
    contact: { multiaddr: `${address}/p2p/${host.peerId}`, database: '' },
    put: async (id, value) => void (await registry.writer.put('nodes', id, value)),
    usable: () => registry.view.counts().nodes,
    entries: () => registry.status().find(({ name }) => name === 'nodes')?.entriesJoined ?? 0,
    get: async (id) => registry.view.get('nodes', id) !== null,
    list: async () => registry.view.list('nodes').length,
    close: async () => {
      await registry.stop()
      await host.stop()
    },
  }
}
