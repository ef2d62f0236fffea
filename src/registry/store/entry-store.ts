import type { BlockStore } from './block-store.ts'
import type { StoreRoom } from './disk-guard.ts'
import type { JudgedEntry } from './entry-rules.ts'
import type { LogIndex } from './log-index.ts'
import type { PrefixStorage } from './orbit-storages.ts'

export interface EntryStoreComponents {
  readonly blocks: BlockStore
  readonly index: PrefixStorage
  readonly room: Pick<StoreRoom, 'noteStored'>
  readonly log: Pick<LogIndex, 'has' | 'isMissing'>
}

/** What a batch came to. */
export interface Stored {
  /** Of each entry of the batch whether it is new. */
  readonly isNew: boolean[]
  /** Those that are, in their order. */
  readonly entries: JudgedEntry[]
}

/** Puts the entries of one log on disk, many in two writes. Callers take turns. */
export class EntryStore {
  readonly #components: EntryStoreComponents

  constructor(components: EntryStoreComponents) {
    this.#components = components
  }

  /**
   * Stores entries, each after its parents. An entry is in the log from the write that indexes it; its
   * block, written before, harms nobody. @throws RegistryError `READ_ONLY`; Error for one before its parents
   */
  async store(batch: readonly JudgedEntry[]): Promise<Stored> {
    const { blocks, index, room, log } = this.#components
    const fresh = new Map<string, JudgedEntry>()
    const isNew = batch.map((judged) => {
      const { hash } = judged.entry
      if (log.has(hash) || fresh.has(hash)) return false
      this.#checkParents(judged, fresh)
      fresh.set(hash, judged)
      return true
    })
    if (fresh.size === 0) return { isNew, entries: [] }
    await blocks.putMany([...fresh].map(([hash, { bytes }]) => ({ hash, bytes })))
    await index.putMany([...fresh.keys()])
    const entries = [...fresh.values()]
    for (const { bytes } of entries) room.noteStored(bytes.length)
    return { isNew, entries }
  }

  /** An entry that was lost goes back without its parents: they were in the log too. */
  #checkParents({ entry }: JudgedEntry, before: ReadonlyMap<string, JudgedEntry>): void {
    const { log } = this.#components
    if (log.isMissing(entry.hash)) return
    const isThere = (hash: string) => log.has(hash) || log.isMissing(hash) || before.has(hash)
    if (entry.next.every(isThere) && entry.refs.every(isThere)) return
    throw new Error(`entry ${entry.hash} came before its parents`)
  }
}
