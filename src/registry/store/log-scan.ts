import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { RecordSchema } from '../records/schema.ts'
import type { BlockStore } from './block-store.ts'
import { type JudgedEntry, readEntry } from './entry-rules.ts'
import type { PrefixStorage } from './orbit-storages.ts'

const BATCH = 50
const YIELD_EVERY = 2000

export interface ScanComponents {
  readonly index: PrefixStorage
  readonly blocks: BlockStore
  readonly address: string
  readonly schema: RecordSchema
}

export interface ScanResult {
  /** Everything readable, parents first. */
  readonly entries: readonly JudgedEntry[]
  /** Indexed entries whose block is gone or damaged. */
  readonly lost: readonly string[]
}

/**
 * Reads a whole log back at start, yielding to the event loop between batches. The index is the list
 * of what is there: an entry is indexed after its block was written and before anyone is told that it is
 * stored. A block that is gone costs that one entry and nothing else.
 */
export async function scanLog(components: ScanComponents): Promise<ScanResult> {
  const { index, blocks } = components
  const hashes: string[] = []
  for await (const hash of index.keys()) hashes.push(hash)
  const found = new Map<string, JudgedEntry>()
  const lost: string[] = []
  for (let at = 0; at < hashes.length; at += BATCH) {
    const batch = hashes.slice(at, at + BATCH)
    const read = await blocks.getMany(batch)
    for (const [i, bytes] of read.entries()) {
      const hash = batch[i] ?? ''
      const judged = bytes === undefined ? null : readJoined(bytes, hash, components)
      if (judged === null) lost.push(hash)
      else found.set(hash, judged)
    }
    await yieldToLoop()
  }
  return { entries: await parentsFirst(found), lost }
}

/** The rules again, so that what a log yields has one type; signature and clock passed when it joined. */
function readJoined(
  bytes: Uint8Array,
  hash: string,
  components: ScanComponents,
): JudgedEntry | null {
  const read = readEntry(bytes, components, hash)
  return 'isAccepted' in read ? null : read.judged
}

/** Depth first with a stack of our own: a log is one long chain, far deeper than the call stack. */
async function parentsFirst(found: ReadonlyMap<string, JudgedEntry>): Promise<JudgedEntry[]> {
  const ordered: JudgedEntry[] = []
  const isDone = new Set<string>()
  const isOpen = new Set<string>()
  for (const root of found.keys()) {
    if (isDone.has(root)) continue
    const stack = [root]
    while (stack.length > 0) {
      const hash = stack[stack.length - 1] ?? ''
      const judged = found.get(hash)
      if (judged === undefined || isDone.has(hash)) {
        stack.pop()
        continue
      }
      if (isOpen.has(hash)) {
        stack.pop()
        isDone.add(hash)
        ordered.push(judged)
        if (ordered.length % YIELD_EVERY === 0) await yieldToLoop()
        continue
      }
      isOpen.add(hash)
      for (const parent of judged.entry.next) {
        if (found.has(parent) && !isDone.has(parent)) stack.push(parent)
      }
    }
  }
  return ordered
}
