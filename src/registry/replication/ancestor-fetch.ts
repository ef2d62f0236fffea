import { withDeadline } from '../../lib/deadline.ts'
import { MAX_ENTRY_BYTES } from '../constants.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { JudgedEntry } from '../store/entry-rules.ts'
import type { BlockFetcher } from './bitswap.ts'
import type { Inbox } from './inbox.ts'

/** Nobody can say which peer gave a block. */
const BITSWAP = 'bitswap'
const ENTRIES_LIMIT = 2000
const BYTES_LIMIT = 1000 * MAX_ENTRY_BYTES
const HELD_DEADLINE_MS = 15_000
/** Held entries that are asked about in one go, the youngest; a peer can make up any number. */
const HELD_AT_ONCE = 8

/** Gets the missing ancestors of the youngest held entries, for 15 s in all. @throws DeadlineError. */
export async function fetchHeld(
  database: RegistryDatabase,
  inbox: Inbox,
  fetcher: BlockFetcher,
  outer: AbortSignal,
): Promise<void> {
  const limits = { ms: HELD_DEADLINE_MS, label: 'fetching ancestors', signal: outer }
  await withDeadline(async (signal) => {
    for (const head of inbox.heldEntries().slice(-HELD_AT_ONCE)) {
      await fetchAncestors(head, database, inbox, fetcher, signal)
    }
  }, limits)
}

/**
 * Gets the missing ancestors of a held entry block by block, and admits them only when none is
 * missing any more. The fallback for peers that do not answer a log transfer; a budget of 2 000
 * entries and 8 MB, and the caller's signal, bound it. @returns whether all were found.
 */
async function fetchAncestors(
  head: JudgedEntry,
  database: RegistryDatabase,
  inbox: Pick<Inbox, 'receive' | 'isHeld'>,
  fetcher: BlockFetcher,
  signal: AbortSignal,
): Promise<boolean> {
  const found = new Map<string, JudgedEntry>()
  const wanted = new Set(database.missingParents(head))
  let bytesFound = 0
  for (const hash of wanted) {
    signal.throwIfAborted()
    const bytes = await fetcher.fetch(hash, signal)
    const verdict = bytes === null ? null : database.judge(bytes)
    if (verdict === null || !verdict.isAccepted || verdict.entry.hash !== hash) return false
    found.set(hash, verdict)
    bytesFound += verdict.bytes.length
    if (found.size >= ENTRIES_LIMIT || bytesFound > BYTES_LIMIT) return false
    // A set yields what is added while it is walked.
    for (const parent of database.missingParents(verdict)) wanted.add(parent)
  }
  // The deepest were found last; what still comes too early waits in the inbox for its parent.
  for (const judged of [...found.values()].reverse()) {
    await inbox.receive(judged.bytes, 'exchange', BITSWAP)
  }
  return !inbox.isHeld(head.entry.hash)
}
