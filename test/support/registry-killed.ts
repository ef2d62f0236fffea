/**
 * Work on the stores of a registry, to be killed: says `begun` when it begins and `done` when it has ended.
 * Arguments: `import`, a folder and a snapshot; or `erase`, a folder and the epoch whose logs are deleted.
 */

import { readChunks } from '../../src/cli/registry-file.ts'
import { createEphemeralIdentity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { markErasing, unmarkErasing } from '../../src/registry/epochs/stored-epochs.ts'
import { importStopped } from '../../src/registry/snapshot/offline.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import { openDatabases } from '../../src/registry/store/databases.ts'
import { StoreDisk } from '../../src/registry/store/disk.ts'

const [, , work = '', directory = '', argument = ''] = process.argv
const TTL_MS = 7 * 86_400_000

const say = (word: string) => new Promise((resolve) => process.stdout.write(`${word}\n`, resolve))

async function importFile(): Promise<void> {
  const options = { directory, networkName: 'test', nowMs: Date.now(), ttlMs: TTL_MS }
  await say('begun')
  await importStopped(readChunks(argument), options)
}

async function erase(): Promise<void> {
  const nothing = () => {}
  const disk = new StoreDisk(
    { directory, retryMs: 60_000 },
    {
      clock: systemClock,
      onFailed: nothing,
      onMended: nothing,
      onRepaired: nothing,
      onSetAside: nothing,
    },
  )
  await disk.open()
  const epoch = Number(argument)
  const databases = await openDatabases(
    { networkName: 'test', epoch },
    {
      identity: await createEphemeralIdentity(),
      blocks: new BlockStore({ level: disk.blocks, onDamaged: nothing }),
      logs: disk.logs,
      clock: systemClock,
      onEntry: nothing,
      onLost: nothing,
    },
  )
  await markErasing(disk.logs, 'test', epoch)
  await say('begun')
  await databases.erase()
  await unmarkErasing(disk.logs, 'test', epoch)
  await disk.close()
}

await (work === 'import' ? importFile() : erase())
await say('done')
