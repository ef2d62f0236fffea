import type { TestContext } from 'node:test'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createHost } from '../../src/network/create-host.ts'
import type { Host } from '../../src/network/host.ts'
import type { HostComponents, HostOptions } from '../../src/network/host-options.ts'
import { hostLimits } from '../../src/network/limits.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'

/** A host's options for a test: loopback, free ports, no WebSocket, DHT on. */
export function hostOptions(overrides: Partial<HostOptions> = {}): HostOptions {
  return {
    networkName: 'test',
    networkKey: null,
    listen: { hosts: ['127.0.0.1'], tcpPort: 0, ws: null },
    announce: [],
    dht: {},
    limits: hostLimits(1_024),
    connectionMonitorEnabled: false,
    version: '0.0.0-test',
    ...overrides,
  }
}

export async function hostComponents(
  overrides: Partial<HostComponents> = {},
): Promise<HostComponents> {
  return {
    identity: await createEphemeralIdentity(),
    logger: silentLogger,
    metrics: createMetrics(),
    ...overrides,
  }
}

/** A started host, stopped after the test. */
export async function startHost(
  t: Pick<TestContext, 'after'>,
  options: Partial<HostOptions> = {},
  components: Partial<HostComponents> = {},
): Promise<Host> {
  const host = await createHost(hostOptions(options), await hostComponents(components))
  t.after(() => host.stop())
  await host.start()
  return host
}

/** Dials `to` from `from` at its first bound address. */
export async function connect(from: Host, to: Host): Promise<void> {
  const [address] = to.listenAddresses()
  await from.dial([`${address}/p2p/${to.peerId}`])
}
