import { isCarriedId } from '../records/carried.ts'
import type { EntrySource } from '../store/database.ts'
import type { Databases } from '../store/databases.ts'
import type { JudgedEntry } from '../store/entry-rules.ts'
import type { DatabaseName, LogStatus, RegistryRecord } from '../types.ts'
import type { RecordView } from '../view.ts'
import { type CarriedEntries, isRevoking } from './carried-entries.ts'

/**
 * What of an epoch's logs the view shows. `own`: of one that is past due when it is opened, our own
 * records and revocations, until they are in the current epoch. `nothing`: it was being deleted.
 */
export type Shown = 'all' | 'own' | 'nothing'

export interface OpenEpochComponents {
  readonly ownPeerId: string
  readonly view: RecordView
  readonly carried: CarriedEntries
  onJoined(name: DatabaseName, source: EntrySource): void
  /** A record became the current one; not for what was read from disk. */
  onCurrent(record: RegistryRecord): void
}

/** The four logs of one epoch while they are open, and what is known of them. */
export class OpenEpoch {
  readonly epoch: number
  readonly shown: Shown
  readonly #components: OpenEpochComponents
  readonly #bytes = { nodes: 0, trust: 0, stores: 0, attestations: 0 }
  #ownLatestMs = 0
  #databases: Databases | null = null
  /** When it was found past due; null while it is within the window. */
  dueSinceMs: number | null = null
  isInView = true

  constructor(epoch: number, shown: Shown, components: OpenEpochComponents) {
    this.epoch = epoch
    this.shown = shown
    this.#components = components
  }

  /** @throws Error before `open()` has ended. */
  get databases(): Databases {
    if (this.#databases === null) throw new Error(`epoch ${this.epoch} is not open yet`)
    return this.#databases
  }

  /** @param open opens the logs and feeds `take` with all their entries. */
  async open(open: () => Promise<Databases>): Promise<void> {
    this.#databases = await open()
  }

  /** Takes one entry that is in a log of this epoch. */
  take(name: DatabaseName, judged: JudgedEntry, source: EntrySource): void {
    const { ownPeerId, view, carried, onJoined, onCurrent } = this.#components
    this.#bytes[name] += judged.bytes.length
    const { key, clock } = judged.entry
    if (key === ownPeerId) this.#ownLatestMs = Math.max(this.#ownLatestMs, clock.time)
    if (source !== 'disk') onJoined(name, source)
    if (this.shown === 'nothing') return
    const isCarried = name === 'trust' && isCarriedId(judged.localId)
    const statement = isCarried ? carried.open(judged, this.epoch) : judged
    if (statement === null || !this.#isShown(statement)) return
    const record = view.apply(name, statement, this.epoch)
    if (record !== null && source !== 'disk') onCurrent(record)
  }

  /** Of one of its logs. */
  status(name: DatabaseName): LogStatus {
    const { log } = this.databases.get(name)
    const { epoch } = this
    return { epoch, entries: log.size, heads: log.headCount, bytes: this.#bytes[name] }
  }

  /** The latest clock of an entry of ours, ms; 0: there is none. */
  get ownLatestMs(): number {
    return this.#ownLatestMs
  }

  /** Entries in all four logs. */
  get entryCount(): number {
    return this.databases.all.reduce((sum, { log }) => sum + log.size, 0)
  }

  #isShown({ entry }: JudgedEntry): boolean {
    if (this.shown === 'all' || entry.key === this.#components.ownPeerId) return true
    return isRevoking(entry.payload.value)
  }
}
