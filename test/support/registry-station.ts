import type { TestContext } from 'node:test'

import { createEphemeralIdentity } from '../../src/identity/index.ts'
import type { Host } from '../../src/network/host.ts'
import type { RegistryTransport } from '../../src/network/types.ts'
import { createMetrics, type Logger } from '../../src/telemetry/index.ts'
import { claimsIn } from './claims-in.ts'
import { startHost } from './host.ts'
import { startRegistry, type TestRegistry, type TestRegistryOptions } from './registry.ts'
import { createMemoryNetwork } from './registry-transport.ts'

/** A registry on a real host on loopback. */
export interface RegistryStation extends TestRegistry {
  readonly host: Host
}

export interface RegistryStationOptions extends TestRegistryOptions {
  /** Of the host. */
  readonly logger?: Logger
  /** Changes what the registry sees of the host. */
  readonly wrap?: (transport: RegistryTransport) => RegistryTransport
}

/** A started station without bitswap, stopped after the test. */
export async function startRegistryStation(
  t: TestContext,
  { logger, wrap = (transport) => transport, ...options }: RegistryStationOptions = {},
): Promise<RegistryStation> {
  const { identity = await createEphemeralIdentity() } = options
  const components = { identity, metrics: createMetrics() }
  const host = await startHost(
    t,
    { dht: null },
    logger === undefined ? components : { ...components, logger },
  )
  const transport = wrap(host.transport)
  const started = await startRegistry(t, createMemoryNetwork(), { ...options, identity, transport })
  return { ...started, host }
}

/** Every claim that a station holds, as text that is equal where the views are. */
export function viewOf({ registry }: Pick<TestRegistry, 'registry'>): string {
  return claimsIn(registry.view, 'nodes')
    .map(({ key, entryHash }) => `${key} ${entryHash}`)
    .sort()
    .join('\n')
}
