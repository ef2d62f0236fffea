/**
 * Writes records for ever and prints the local id of each that was acknowledged, to be killed.
 * Arguments: folder, identity seed (64 hex digits).
 */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'

import { identityFromKey } from '../../src/identity/identity.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { createMemoryNetwork } from './registry-transport.ts'

const [, , directory = '', rawKey = ''] = process.argv
const privateKey = privateKeyFromRaw(Buffer.from(rawKey, 'hex'))
if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
const identity = identityFromKey(privateKey)
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
await registry.start()
const known = registry.view.list('nodes').length
for (let i = known; ; i += 1) {
  await registry.writer.put('nodes', `record-${i}`, { node_name: `n ${i}` })
  process.stdout.write(`record-${i}\n`)
}
