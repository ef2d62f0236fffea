import { createOrbitDB, type OrbitDB } from '@orbitdb/core'

import type { Identity } from '../../identity/index.ts'
import type { Clock } from '../../lib/clock.ts'
import { DATABASE_TYPE, RULES_VERSION } from '../constants.ts'
import { DATABASE_NAMES, schemaOf } from '../records/index.ts'
import type { DatabaseName } from '../types.ts'
import { createAccessController } from './access-controller.ts'
import type { BlockStore } from './block-store.ts'
import { type EntrySource, RegistryDatabase } from './database.ts'
import type { StoreRoom } from './disk-guard.ts'
import type { JudgedEntry } from './entry-rules.ts'
import type { ByteStore } from './guarded-level.ts'
import { orbitIdentity } from './identities.ts'
import {
  createEntryStorage,
  createIndexStorage,
  createIpfsFacade,
  HeadsStorage,
  PrefixStorage,
} from './orbit-storages.ts'

export interface DatabasesOptions {
  readonly networkName: string
  readonly epoch: number
}

export interface DatabasesComponents {
  readonly identity: Identity
  readonly blocks: BlockStore
  readonly logs: ByteStore
  readonly clock: Clock
  /** @default there always is */
  readonly room?: StoreRoom
  onEntry(database: DatabaseName, judged: JudgedEntry, source: EntrySource): void
  /** Entries whose block was gone or damaged at start. */
  onLost(database: DatabaseName, hashes: readonly string[]): void
}

const ENDLESS: StoreRoom = { acceptsRemote: true, noteStored: () => {} }

/** The four logs of one epoch. */
export interface Databases {
  readonly epoch: number
  readonly all: readonly RegistryDatabase[]
  get(name: DatabaseName): RegistryDatabase
  close(): Promise<void>
  /** Closes them and deletes their entries from disk; can be called again. @throws RegistryError `READ_ONLY`. */
  erase(): Promise<void>
}

/**
 * `<network>.<database>.v<rules>.e<epoch>`: with the type and the rules' address it makes the same
 * address everywhere.
 */
export function databaseName(networkName: string, name: DatabaseName, epoch: number): string {
  return `${networkName}.${name}.v${RULES_VERSION}.e${epoch}`
}

/** Where the index of a log is in the store of the logs. */
export function indexPrefix(fullName: string): string {
  return `index/${fullName}/`
}

/**
 * Opens the four databases of an epoch one after another: OrbitDB has no guard against opening one
 * twice at once. Each epoch has an OrbitDB of its own, so that it is closed by itself.
 */
export async function openDatabases(
  options: DatabasesOptions,
  components: DatabasesComponents,
): Promise<Databases> {
  const { identity, blocks } = components
  const self = orbitIdentity(identity)
  const orbitdb = await createOrbitDB({
    ipfs: createIpfsFacade(identity.peerId, blocks),
    id: identity.peerId,
    identity: self,
    identities: self,
    directory: 'unused: every storage is passed in',
  })
  const opened = new Map<DatabaseName, RegistryDatabase>()
  try {
    for (const name of DATABASE_NAMES) {
      opened.set(name, await openOne(orbitdb, name, options, components))
    }
  } catch (error) {
    await orbitdb.stop()
    throw error
  }
  const all = [...opened.values()]
  return {
    epoch: options.epoch,
    all,
    get: (name) => {
      const database = opened.get(name)
      if (database === undefined) throw new Error(`there is no database ${name}`)
      return database
    },
    close: () => orbitdb.stop(),
    erase: async () => {
      await orbitdb.stop()
      for (const database of all) await database.eraseStored()
    },
  }
}

async function openOne(
  orbitdb: OrbitDB,
  name: DatabaseName,
  options: DatabasesOptions,
  components: DatabasesComponents,
): Promise<RegistryDatabase> {
  const { identity, blocks, logs, clock, room = ENDLESS, onEntry, onLost } = components
  const fullName = databaseName(options.networkName, name, options.epoch)
  const heads = new HeadsStorage()
  const index = new PrefixStorage(logs, indexPrefix(fullName))
  // The access controller is made before the database that it asks.
  let database: RegistryDatabase | null = null
  const opened = (): RegistryDatabase => {
    if (database === null) throw new Error(`${fullName} is not open yet`)
    return database
  }
  const result = await orbitdb.open<RegistryDatabase>(fullName, {
    type: DATABASE_TYPE,
    sync: false,
    AccessController: async () =>
      createAccessController({
        isJoined: (hash) => opened().has(hash),
        judge: (bytes) => opened().judge(bytes),
      }),
    Database: async (params) => {
      database = new RegistryDatabase(
        { name, peerId: identity.peerId, schema: schemaOf(name) },
        {
          blocks,
          heads,
          index,
          clock,
          room,
          onEntry: (judged, source) => onEntry(name, judged, source),
        },
        params,
      )
      return database
    },
    entryStorage: createEntryStorage(blocks),
    headsStorage: heads,
    indexStorage: createIndexStorage(index, (hash) => opened().isPast(hash)),
  })
  const lost = await result.load()
  if (lost.length > 0) onLost(name, lost)
  return result
}
