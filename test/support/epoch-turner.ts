/**
 * A station whose clock runs through the turn of an epoch, to be killed: prints how many entries the
 * epoch it is in has whenever that changes. Arguments: folder, identity seed (64 hex digits), the time,
 * records to write first.
 */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'

import { identityFromKey } from '../../src/identity/identity.ts'
import { createRegistry } from '../../src/registry/index.ts'
import { createMetrics, silentLogger } from '../../src/telemetry/index.ts'
import { MovingClock } from './moving-clock.ts'
import { createMemoryNetwork } from './registry-transport.ts'

const STEP_MS = 6000
const [, , directory = '', rawKey = '', nowMs = '', records = ''] = process.argv
const privateKey = privateKeyFromRaw(Buffer.from(rawKey, 'hex'))
if (privateKey.type !== 'Ed25519') throw new Error('an Ed25519 key is needed')
const identity = identityFromKey(privateKey)
const clock = new MovingClock(Number(nowMs))
const registry = createRegistry(
  { directory, networkName: 'test', nodeTtlDays: 7, bitswap: null },
  {
    identity,
    transport: createMemoryNetwork().join(identity.peerId),
    libp2p: null,
    logger: silentLogger,
    metrics: createMetrics(),
    clock,
  },
)
await registry.start()
for (let i = 0; i < Number(records); i += 1) await registry.writer.put('nodes', `record-${i}`, {})
let said = ''
setInterval(() => {
  clock.advance(STEP_MS)
  const { epoch, logs } = registry.status()[0] ?? { epoch: 0, logs: [] }
  const entries = logs.find((log) => log.epoch === epoch)?.entries ?? 0
  const line = `${epoch} ${entries} ${clock.now()}\n`
  const isNews = said !== `${epoch} ${entries}`
  said = `${epoch} ${entries}`
  if (isNews) process.stdout.write(line)
}, 5)
