import type { TestContext } from 'node:test'

import type { Identity } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { BlockStore } from '../../src/registry/store/block-store.ts'
import {
  type Databases,
  type DatabasesComponents,
  type DatabasesOptions,
  openDatabases,
} from '../../src/registry/store/databases.ts'
import { MemoryByteStore } from './byte-store.ts'

interface Over extends Partial<DatabasesOptions> {
  readonly room?: DatabasesComponents['room']
}

/** The logs of one epoch, in memory, closed after the test. */
export async function openInMemory(
  t: Pick<TestContext, 'after'>,
  identity: Identity,
  { room, ...options }: Over = {},
): Promise<Databases> {
  const databases = await openDatabases(
    { networkName: 'test', epoch: 1, ...options },
    {
      identity,
      blocks: new BlockStore({ level: new MemoryByteStore(), onDamaged: () => {} }),
      logs: new MemoryByteStore(),
      clock: systemClock,
      onEntry: () => {},
      onLost: () => {},
      ...(room === undefined ? {} : { room }),
    },
  )
  t.after(() => databases.close())
  return databases
}
