import type { Preview } from '../previews.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { JudgedEntry } from '../store/entry-rules.ts'
import { FIRST_BYTES, FIRST_LIMIT } from './log-transfer.ts'

/** Transfers that bring entries before their parents at the same time, all logs together. */
const PLACES = 2

/** With each place come the entries that one transfer may bring early: in all 20 000, or 16 MiB. */
export class OrphanPlaces {
  #taken = 0

  tryTake(): boolean {
    if (this.#taken >= PLACES) return false
    this.#taken += 1
    return true
  }

  free(): void {
    this.#taken -= 1
  }
}

export interface OrphansComponents {
  preview(): Preview
  onClosed(): void
}

interface Orphan {
  readonly judged: JudgedEntry
  readonly waitsFor: string
}

/**
 * Entries that a peer sent before their parents. They wait here, a bounded number of them, and nothing
 * waits for them; the view shows them meanwhile, for each was judged by itself. Those whose parents never
 * come are forgotten with the end of the transfers that brought them, and the view shows them no more:
 * else one peer could fill it with what no log has and no other station shows.
 */
export class Orphans {
  readonly #components: OrphansComponents
  readonly #byHash = new Map<string, Orphan>()
  /** Missing entry -> those that wait for it. */
  readonly #waiting = new Map<string, Set<string>>()
  #preview: Preview | null = null
  #bytes = 0
  #isClosed = false

  constructor(components: OrphansComponents) {
    this.#components = components
  }

  get size(): number {
    return this.#byHash.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether one is left that has not joined, also on another way, and whose parents are not all here. */
  hasUnresolved(database: Pick<RegistryDatabase, 'has' | 'missingParents'>): boolean {
    for (const { judged } of this.#byHash.values()) {
      if (!database.has(judged.entry.hash) && database.missingParents(judged).length > 0)
        return true
    }
    return false
  }

  /** @param waitsFor one of its missing parents. @returns false when there is no room. */
  add(judged: JudgedEntry, waitsFor: string): boolean {
    const { hash } = judged.entry
    if (this.#byHash.has(hash)) return true
    const isRoom =
      this.#byHash.size < FIRST_LIMIT && this.#bytes + judged.bytes.length <= FIRST_BYTES
    if (!isRoom || this.#isClosed) return false
    this.#put({ judged, waitsFor })
    this.#preview ??= this.#components.preview()
    this.#preview.show(judged)
    return true
  }

  /** Takes out those that waited for this entry: some may be put back to wait for another. */
  takeWaiting(hash: string): JudgedEntry[] {
    const hashes = this.#waiting.get(hash)
    if (hashes === undefined) return []
    this.#waiting.delete(hash)
    const taken: JudgedEntry[] = []
    for (const waiting of hashes) {
      const orphan = this.#byHash.get(waiting)
      if (orphan === undefined) continue
      this.#byHash.delete(waiting)
      this.#bytes -= orphan.judged.bytes.length
      taken.push(orphan.judged)
    }
    return taken
  }

  /** Puts back one that was taken out and lacks another parent. */
  putBack(judged: JudgedEntry, waitsFor: string): void {
    if (!this.#isClosed) this.#put({ judged, waitsFor })
  }

  /** Forgets all. Never throws. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#byHash.clear()
    this.#waiting.clear()
    this.#bytes = 0
    this.#components.onClosed()
    await this.#preview?.close()
  }

  #put(orphan: Orphan): void {
    const { judged, waitsFor } = orphan
    this.#byHash.set(judged.entry.hash, orphan)
    this.#bytes += judged.bytes.length
    const waiting = this.#waiting.get(waitsFor) ?? new Set()
    this.#waiting.set(waitsFor, waiting.add(judged.entry.hash))
  }
}
