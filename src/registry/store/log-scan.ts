import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { flat } from '../../lib/text.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { BlockStore } from './block-store.ts'
import { type EntryLinks, linksOf } from './entry-codec.ts'
import { type JudgedEntry, readEntry } from './entry-rules.ts'
import { withRoom } from './name-digests.ts'
import type { PrefixStorage } from './orbit-storages.ts'
import { parentsFirst } from './parents-first.ts'

/** Entries of at most 8 KiB that are held at a time; as many blocks are read meanwhile. */
const BATCH = 128
const NO_LINKS: EntryLinks = { next: [], refs: [] }

export interface ScanComponents {
  readonly index: PrefixStorage
  readonly blocks: BlockStore
  readonly address: string
  readonly schema: RecordSchema
}

/** What is held of a whole log while it is read back: names, and who links to whom. */
interface Outline {
  readonly names: readonly string[]
  /** Positions of the parents of all entries, and where those of each begin. */
  readonly parents: Uint32Array
  readonly starts: Uint32Array
}

interface ReadBlock {
  readonly hash: string
  readonly bytes: Uint8Array | undefined
}

/**
 * Reads a whole log back, with turns of the event loop in between. The index is the list of what is there: an
 * entry is indexed after its block was written and before anyone is told that it is stored. A block that is gone
 * costs that one entry and nothing else.
 *
 * Every block is read twice, for its links and then, parents first, for what it says: a log may have more bytes
 * than the heap has room for, since an entry that is overwritten takes little of it while the node runs.
 */
export class LogScan {
  readonly #components: ScanComponents
  readonly #lost = new Set<string>()

  constructor(components: ScanComponents) {
    this.#components = components
  }

  /** Indexed entries whose block is gone or damaged: all of them when `entries` has ended. */
  get lost(): readonly string[] {
    return [...this.#lost]
  }

  /** Everything readable, parents first, some entries at a time. To be called once. */
  async *entries(): AsyncGenerator<readonly JudgedEntry[]> {
    const { names, parents, starts } = await this.#outline()
    const order = parentsFirst(names.length, names.keys(), (position, i) => {
      const at = (starts[position] ?? 0) + i
      return at < (starts[position + 1] ?? 0) ? parents[at] : undefined
    })
    const readNext = () => {
      const read = this.#read(this.#nextOf(order, names))
      // Nobody waits for it any more where one that was read before is refused by whoever takes it.
      read.catch(() => {})
      return read
    }
    for (let reading = readNext(); ; ) {
      const read = await reading
      if (read.length === 0) return
      reading = readNext()
      yield this.#judge(read)
    }
  }

  /** The names of all that the index lists, in its order, and the links of what can be read. */
  async #outline(): Promise<Outline> {
    const { index } = this.#components
    const names: string[] = []
    const positions = new Map<string, number>()
    for await (const key of index.keys()) {
      // In one piece: what is cut out of a key keeps all of the key.
      const name = flat(key)
      positions.set(name, names.length)
      names.push(name)
    }
    const starts = new Uint32Array(names.length + 1)
    let parents = new Uint32Array(0)
    let count = 0
    for (let from = 0; from < names.length; from += BATCH) {
      const read = await this.#read(names.slice(from, from + BATCH))
      for (const [i, { bytes }] of read.entries()) {
        const { next, refs } = bytes === undefined ? NO_LINKS : linksOf(bytes)
        for (const link of [...next, ...refs]) {
          const parent = positions.get(link)
          if (parent === undefined) continue
          parents = withRoom(parents, count + 1)
          parents[count] = parent
          count += 1
        }
        starts[from + i + 1] = count
      }
      await yieldToLoop()
    }
    return { names, parents, starts }
  }

  #nextOf(order: Iterator<number>, names: readonly string[]): string[] {
    const batch: string[] = []
    while (batch.length < BATCH) {
      const { done, value } = order.next()
      if (done === true) break
      const name = names[value] ?? ''
      if (!this.#lost.has(name)) batch.push(name)
    }
    return batch
  }

  async #read(names: readonly string[]): Promise<readonly ReadBlock[]> {
    const blocks = await this.#components.blocks.getMany(names)
    return names.map((hash, i) => {
      const bytes = blocks[i]
      if (bytes === undefined) this.#lost.add(hash)
      return { hash, bytes }
    })
  }

  /** The rules again, so that what a log yields has one type; signature and clock passed when it joined. */
  #judge(read: readonly ReadBlock[]): readonly JudgedEntry[] {
    const entries: JudgedEntry[] = []
    for (const { hash, bytes } of read) {
      if (bytes === undefined) continue
      const result = readEntry(bytes, this.#components, hash)
      if ('isAccepted' in result) this.#lost.add(hash)
      else entries.push(result.judged)
    }
    return entries
  }
}
