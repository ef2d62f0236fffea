/** Starts a registry in the folder that is named and says how that went, in one line; then ends. */
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { createMemoryNetwork } from './registry-transport.ts'

const [, , directory = ''] = process.argv
const identity = await createEphemeralIdentity()
const registry = createRegistry(
  { directory, networkName: 'test', nodeTtlDays: 7, bitswap: null },
  {
    identity,
    transport: createMemoryNetwork().join(identity.peerId),
    libp2p: null,
    logger: silentLogger,
    metrics: createMetrics(),
  },
)
const said = await registry.start().then(
  () => 'started',
  (error: Error) => error.message,
)
await registry.stop()
console.log(said)
