/**
 * Fetches the log of one peer, and prints how many records it has joined each time there are more, to be
 * killed. Arguments: folder, identity seed (64 hex digits), multiaddr.
 */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'

import { identityFromKey } from '../../src/identity/identity.ts'
import { createHost } from '../../src/network/create-host.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { hostComponents, hostOptions } from './host.ts'

const [, , directory = '', rawKey = '', multiaddr = ''] = process.argv
const privateKey = privateKeyFromRaw(Buffer.from(rawKey, 'hex'))
if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
const identity = identityFromKey(privateKey)
const host = await createHost(hostOptions({ dht: null }), await hostComponents({ identity }))
await host.start()
const registry = createRegistry(
  { directory, networkName: 'test', nodeTtlDays: 7, bitswap: null },
  {
    identity,
    transport: host.transport,
    libp2p: null,
    logger: silentLogger,
    metrics: createMetrics(),
  },
)
await registry.start()
await host.dial([multiaddr])
let joined = 0
setInterval(() => {
  const now = registry.status()[0]?.entriesJoined ?? 0
  if (now === joined) return
  joined = now
  process.stdout.write(`${joined}\n`)
}, 5)
