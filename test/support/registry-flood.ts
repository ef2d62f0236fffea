/**
 * Opens a log of so many entries of 7.5 KB, all of one key, as a stranger may write them, and says how many
 * came of it. Argument: their number.
 */
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { logAddress } from '../../src/registry/snapshot/log-name.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { databaseName, indexPrefix, openDatabases } from '../../src/registry/store/databases.ts'
import { hashOf } from '../../src/registry/store/entry-codec.ts'
import { RecordView } from '../../src/registry/view.ts'
import { MemoryByteStore } from './byte-store.ts'
import { forgeEntry } from './registry.ts'

const EPOCH = { networkName: 'test', epoch: 1 }
const DAY_MS = 86_400_000

const [, , count = ''] = process.argv
const identity = await createEphemeralIdentity()
const stranger = await createEphemeralIdentity()
const [level, logs] = [new MemoryByteStore(), new MemoryByteStore()]
const name = databaseName(EPOCH.networkName, 'nodes', EPOCH.epoch)
const value = {
  ingester_id: 'one',
  node_name: 'x'.repeat(3700),
  source: 'y'.repeat(3700),
  updated_at: '2026-01-01T00:00:00.000Z',
}
for (let i = 1; i <= Number(count); i += 1) {
  const clock = { id: stranger.peerId, time: i }
  const { bytes } = forgeEntry({
    identity: stranger,
    address: logAddress(name),
    localId: 'one',
    value,
    signed: { clock },
  })
  level.values.set(hashOf(bytes), bytes)
  logs.values.set(indexPrefix(name) + hashOf(bytes), Uint8Array.of(1))
}
const view = new RecordView(
  { ownPeerId: identity.peerId, ttlMs: 7 * DAY_MS },
  { clock: systemClock, lastSeenMs: () => null },
)
const databases = await openDatabases(EPOCH, {
  identity,
  blocks: new BlockStore({ level, onDamaged: () => {} }),
  logs,
  clock: systemClock,
  onEntry: (database, judged) => void view.apply(database, judged, EPOCH.epoch),
  onLost: () => {},
})
console.log(databases.get('nodes').log.size)
