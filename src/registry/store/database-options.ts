import type { Clock } from '../../lib/clock.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { DatabaseName } from '../types.ts'
import type { BlockStore } from './block-store.ts'
import type { StoreRoom } from './disk-guard.ts'
import type { JudgedEntry } from './entry-rules.ts'
import type { EntrySource } from './join-queue.ts'
import type { HeadsStorage, PrefixStorage } from './orbit-storages.ts'

export interface DatabaseOptions {
  readonly name: DatabaseName
  readonly peerId: string
  readonly schema: RecordSchema
}

export interface DatabaseComponents {
  readonly blocks: BlockStore
  readonly heads: HeadsStorage
  readonly index: PrefixStorage
  readonly clock: Clock
  readonly room: StoreRoom
  /** Called once per entry that is in the log, parents first. */
  onEntry(judged: JudgedEntry, source: EntrySource): void
}
