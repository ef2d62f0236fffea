import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { isPlainObject } from '../records/fields.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { BlockStore } from './block-store.ts'
import { type JudgedEntry, judgeEntry } from './entry-rules.ts'
import type { PrefixStorage, ValueStorage } from './orbit-storages.ts'

const BATCH = 50

export interface ScanComponents {
  readonly index: PrefixStorage
  readonly heads: ValueStorage
  readonly blocks: BlockStore
  readonly address: string
  readonly schema: RecordSchema
}

export interface ScanResult {
  /** Everything readable, parents first. */
  readonly entries: readonly JudgedEntry[]
  /** Indexed entries whose block is gone or damaged. */
  readonly lost: readonly string[]
  /** What the index holds. */
  readonly indexed: ReadonlySet<string>
}

/**
 * Reads a whole log back at start, yielding to the event loop between batches. The index is the list
 * of what is there; stored heads are looked at too, because a crash can fall between writing a head
 * and indexing it. A block that is gone costs that one entry and nothing else.
 */
export async function scanLog(components: ScanComponents): Promise<ScanResult> {
  const { index, blocks } = components
  const indexed = new Set<string>()
  for await (const hash of index.keys()) indexed.add(hash)
  const wanted = new Set([...indexed, ...(await readHeads(components.heads))])
  const found = new Map<string, JudgedEntry>()
  const lost: string[] = []
  const hashes = [...wanted]
  for (let at = 0; at < hashes.length; at += BATCH) {
    const batch = hashes.slice(at, at + BATCH)
    const read = await blocks.getMany(batch)
    for (const [i, bytes] of read.entries()) {
      const hash = batch[i] ?? ''
      const judged = bytes === undefined ? null : readJoined(bytes, components)
      if (judged === null) lost.push(hash)
      else found.set(hash, judged)
    }
    await yieldToLoop()
  }
  return { entries: parentsFirst(found), lost, indexed }
}

function readJoined(bytes: Uint8Array, components: ScanComponents): JudgedEntry | null {
  const { address, schema } = components
  // The rules again, so that what a log yields has one type. The signature was verified when the entry
  // joined, and its block is named by its hash; no clock is ahead of infinity.
  const context = { address, schema, nowMs: Number.POSITIVE_INFINITY, verify: () => true }
  const verdict = judgeEntry(bytes, context)
  return verdict.isAccepted ? verdict : null
}

async function readHeads(heads: ValueStorage): Promise<string[]> {
  const bytes = await heads.get('heads')
  if (bytes === undefined) return []
  try {
    const list: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (!Array.isArray(list)) return []
    return list.flatMap((head) =>
      isPlainObject(head) && typeof head.hash === 'string' ? [head.hash] : [],
    )
  } catch {
    // Heads are recomputed from the entries; a torn value here costs nothing.
    return []
  }
}

/** Depth first with a stack of our own: a log is one long chain, far deeper than the call stack. */
function parentsFirst(found: ReadonlyMap<string, JudgedEntry>): JudgedEntry[] {
  const ordered: JudgedEntry[] = []
  const isDone = new Set<string>()
  const isOpen = new Set<string>()
  for (const root of found.keys()) {
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
