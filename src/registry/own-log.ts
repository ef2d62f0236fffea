import type { Clock } from '../lib/clock.ts'
import { RegistryError } from './errors.ts'
import type { RegistryDatabase } from './store/database.ts'
import type { Databases } from './store/databases.ts'
import type { EntryPayload, JudgedEntry } from './store/entry-rules.ts'
import type { DatabaseName, RegistryRecord } from './types.ts'
import type { RecordView } from './view.ts'

export interface OwnLogComponents {
  readonly ownPeerId: string
  readonly view: RecordView
  readonly clock: Clock
  /** Those of the current epoch; null while the registry is not open. */
  databases(): Databases | null
  /** Tells peers; nobody waits for it. */
  publish(database: RegistryDatabase, judged: JudgedEntry): void
}

/** Where our own entries go: the logs of the current epoch. */
export class OwnLog {
  readonly #components: OwnLogComponents

  constructor(components: OwnLogComponents) {
    this.#components = components
  }

  /** @throws RegistryError `CLOSED`. */
  database(name: DatabaseName): RegistryDatabase {
    const database = this.#components.databases()?.get(name) ?? null
    if (database === null || !database.isOpen) {
      throw new RegistryError('CLOSED', 'the registry is not open')
    }
    return database
  }

  /** Whether the current epoch has entries of our record. */
  holds(name: DatabaseName, localId: string): boolean {
    const { view, databases, ownPeerId } = this.#components
    return view.isHeldSince(databases()?.epoch ?? 0, name, localId, ownPeerId)
  }

  /** @param before our record as it is; null for a first one. @throws RegistryError. */
  async append(
    name: DatabaseName,
    payload: EntryPayload,
    before: RegistryRecord | null,
  ): Promise<void> {
    const database = this.database(name)
    if (before !== null) this.#refuseEarlier(before)
    this.#components.publish(database, await database.append(payload))
  }

  /** Joins an entry of ours that was made elsewhere. @throws RegistryError. */
  async join(database: RegistryDatabase, judged: JudgedEntry): Promise<void> {
    await database.join(judged, 'local')
    this.#components.publish(database, judged)
  }

  /** Within an epoch clocks only rise; the first entry in a new one has our wall clock as it is. */
  #refuseEarlier({ database, localId, clockMs }: RegistryRecord): void {
    if (clockMs < this.#components.clock.now() || this.holds(database, localId)) return
    const message = 'our last entry is in the future: was the clock of this machine set back?'
    throw new RegistryError('CLOCK_AHEAD', message)
  }
}
