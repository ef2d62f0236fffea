import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { hashOf } from '../store/entry-codec.ts'
import type { CarBlock } from './car.ts'
import { absentParents, judgeOf } from './check-log.ts'
import { SnapshotError } from './errors.ts'
import { logManifest } from './log-name.ts'
import type { SnapshotLog, SnapshotManifest } from './manifest.ts'
import { readSnapshot } from './read.ts'
import { listEntries, readBlocks, type Stores, storedLogs } from './stored-logs.ts'
import { verifySnapshot } from './verify.ts'

/** Entries written at once; a batch is at most 4 MB, usually 300 kB. */
const BATCH = 500

export interface ImportOptions {
  readonly networkName: string
  /** What peers' clocks are held against, ms since the epoch. */
  readonly nowMs: number
  /** Logs that this node would not open are left out. @default all */
  readonly isWanted?: (logName: string) => boolean
}

export interface LogImport {
  readonly name: string
  readonly entries: number
  readonly added: number
  /** Of those added: they were listed here, but their block was lost or damaged. */
  readonly mended: number
  /** Their clock is ahead of ours. */
  readonly early: number
  /** An ancestor is neither in the file nor here. */
  readonly waiting: number
  /** False for a log that this node would not open. */
  readonly isWanted: boolean
}

export interface ImportReport {
  readonly manifest: SnapshotManifest
  readonly logs: readonly LogImport[]
}

/**
 * Looks through the whole file before anything is made or written: whole, as its exporter signed it, of
 * this network, every entry within the rules. That an ancestor is missing is no reason to refuse the rest.
 * @throws SnapshotError, `OTHER_NETWORK`, or `DAMAGED` when any entry is bad.
 */
export async function checkForImport(
  chunks: AsyncIterable<Uint8Array>,
  networkName: string,
): Promise<void> {
  const { manifest, logs, problems } = await verifySnapshot(chunks)
  checkNetwork(manifest, networkName)
  const bad = logs.reduce((sum, log) => sum + log.bad, 0)
  if (bad === 0) return
  const entries = bad === 1 ? 'an entry' : `${bad} entries`
  const message = `${entries} of the snapshot cannot be taken, nothing was imported: ${problems.first[0]}`
  throw new SnapshotError('DAMAGED', message)
}

/**
 * Adds the entries of a snapshot, which `checkForImport` has looked through, to the stores of a stopped
 * node. Each passes the rules that one from a peer passes, and is added when its parents are there.
 * Nothing is ever removed; a second import adds nothing.
 * @throws SnapshotError; what was added before stays.
 */
export async function importSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  { networkName, nowMs, isWanted = () => true }: ImportOptions,
  stores: Stores,
): Promise<ImportReport> {
  const listed = await storedLogs(stores.logs)
  const imports = new Map<string, LogImporter>()
  const manifest = await readSnapshot(chunks, {
    manifest: (read) => {
      checkNetwork(read, networkName)
      for (const log of read.logs) {
        const known = listed.get(log.name) ?? new Set<string>()
        const options = { known, nowMs, isWanted: isWanted(log.name) }
        imports.set(log.name, new LogImporter(log, options, stores))
      }
    },
    entry: async (log, block) => await imports.get(log.name)?.take(block),
  })
  const logs: LogImport[] = []
  for (const one of imports.values()) logs.push(await one.finish())
  return { manifest, logs }
}

function checkNetwork({ network }: SnapshotManifest, networkName: string): void {
  if (network === networkName) return
  const message = `the snapshot is of the network "${network}", this node's is "${networkName}"`
  throw new SnapshotError('OTHER_NETWORK', message, { network })
}

interface LogImporterOptions {
  /** Listed already; what is added is added to it. */
  readonly known: Set<string>
  readonly nowMs: number
  readonly isWanted: boolean
}

interface NewEntry {
  readonly hash: string
  readonly bytes: Uint8Array
}

class LogImporter {
  readonly #log: SnapshotLog
  readonly #options: LogImporterOptions
  readonly #stores: Stores
  readonly #judge: ReturnType<typeof judgeOf>
  #batch: NewEntry[] = []
  /** Listed here already: whether their blocks are intact is looked up in batches. */
  #listed: NewEntry[] = []
  #added = 0
  #mended = 0
  #early = 0
  #waiting = 0

  constructor(log: SnapshotLog, options: LogImporterOptions, stores: Stores) {
    this.#log = log
    this.#options = options
    this.#stores = stores
    this.#judge = judgeOf(log.name, options.nowMs)
  }

  async take({ hash, bytes, isIntact }: CarBlock): Promise<void> {
    const { known, isWanted } = this.#options
    if (!isWanted) return
    const verdict = isIntact ? this.#judge?.(bytes) : undefined
    if (verdict?.isAccepted !== true) {
      if (verdict?.isTemporary !== true) throw new SnapshotError('DAMAGED', `entry ${hash} is bad`)
      this.#early += 1
      return
    }
    if (known.has(hash)) this.#listed.push({ hash, bytes })
    else if (absentParents(verdict, (parent) => known.has(parent)).length > 0) this.#waiting += 1
    else {
      known.add(hash)
      this.#added += 1
      this.#batch.push({ hash, bytes })
    }
    if (this.#batch.length + this.#listed.length >= BATCH) await this.#flush()
  }

  async finish(): Promise<LogImport> {
    await this.#flush()
    const { name, entries } = this.#log
    const [added, mended, early, waiting] = [this.#added, this.#mended, this.#early, this.#waiting]
    return { name, entries, added, mended, early, waiting, isWanted: this.#options.isWanted }
  }

  async #flush(): Promise<void> {
    const mended = await this.#lostOf(this.#listed)
    this.#mended += mended.length
    await storeEntries(this.#stores, this.#log.name, [...this.#batch, ...mended])
    this.#batch = []
    this.#listed = []
    await yieldToLoop()
  }

  async #lostOf(entries: readonly NewEntry[]): Promise<NewEntry[]> {
    const byHash = new Map(entries.map((entry) => [entry.hash, entry]))
    const lost: NewEntry[] = []
    for await (const { hash, state } of readBlocks(this.#stores.blocks, byHash.keys())) {
      const entry = state === 'intact' ? undefined : byHash.get(hash)
      if (entry !== undefined) lost.push(entry)
    }
    return lost
  }
}

/**
 * Writes judged entries the way a log does: blocks first, so that whatever the index lists is there. The
 * manifest of the log goes with them: it says which log an index without its list would be of.
 */
async function storeEntries(
  { blocks, logs }: Stores,
  name: string,
  entries: readonly NewEntry[],
): Promise<void> {
  if (entries.length === 0) return
  const manifest = logManifest(name)
  const named = [...entries, { hash: hashOf(manifest), bytes: manifest }]
  await blocks.batch(named.map(({ hash, bytes }) => ({ type: 'put', key: hash, value: bytes })))
  await listEntries(logs, name, entries)
}
