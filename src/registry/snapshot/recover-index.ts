import { createHash } from 'node:crypto'
import { setImmediate as yieldToLoop } from 'node:timers/promises'

import { isErasing } from '../epochs/stored-epochs.ts'
import { decodeValue, hashOf, isSameBytes } from '../store/entry-codec.ts'
import { INDEX_SUSPECT } from '../store/salvage.ts'
import { judgeOf } from './check-log.ts'
import { logAddress, nameInManifest, parseLogName } from './log-name.ts'
import {
  ALL_BLOCKS,
  listEntries,
  readBlocks,
  type StoreFiles,
  type Stores,
  storedLogs,
} from './stored-logs.ts'

const BATCH = 500
/** Which absent blocks the last walk was made for. */
const LOOKED_INTO = 'index-looked-into'

export interface RecoveryOptions {
  readonly networkName: string
}

export interface Recovery {
  /** Entries listed again, by the log's full name. */
  readonly logs: ReadonlyMap<string, number>
  /** False when the blocks could not be read to their end. */
  readonly isWhole: boolean
}

/**
 * Holds the index against the blocks, and where it lists what is not there, or was found damaged before, lists
 * again what the blocks still hold: walks all of them, judges each entry anew, signature included, and
 * lists those of this network's logs. A name that no block bears is either a block that is lost or a name
 * that the disk changed, whose own is then missing from the index; LevelDB does not tell. A block is written
 * only for an entry that was judged and had its parents, so nothing can come back that was not in the log.
 * @returns null when there was nothing to do, which takes a look at each key.
 */
export async function recoverIndex(
  { networkName }: RecoveryOptions,
  stores: Stores,
): Promise<Recovery | null> {
  const { blocks, logs } = stores
  const listed = await storedLogs(logs)
  const absent = await absentBlocks(stores, listed)
  const isSuspect =
    listed.size === 0 || (await logs.has(INDEX_SUSPECT)) || !(await isLookedInto(logs, absent))
  if (!isSuspect || (await isEmpty(blocks, ALL_BLOCKS))) return null
  // Until all are listed: a crash in between is made good by the next start.
  await logs.batch([{ type: 'put', key: INDEX_SUSPECT, value: Uint8Array.of(1) }])
  const names = new Map<string, string>()
  const noteName = (name: string | null) => {
    if (name === null || parseLogName(name)?.network !== networkName) return
    names.set(logAddress(name), name)
  }
  for (const name of listed.keys()) noteName(name)
  await walk(blocks, (_, bytes) => noteName(readName(bytes)))

  const found = new Map<string, Finds>()
  for (const name of names.values()) found.set(name, new Finds(name, listed.get(name), stores))
  const isWhole = await walk(blocks, async (hash, bytes) => {
    const name = names.get(readLog(bytes) ?? '')
    if (name !== undefined) await found.get(name)?.take(hash, bytes)
  })
  const counts = new Map<string, number>()
  for (const [name, finds] of found) {
    await finds.flush()
    if (finds.count > 0) counts.set(name, finds.count)
  }
  await logs.batch([
    { type: 'del', key: INDEX_SUSPECT },
    { type: 'put', key: LOOKED_INTO, value: absent },
  ])
  return { logs: counts, isWhole }
}

/**
 * A digest of the listed entries that no block bears the name of; empty when there are none. They stay
 * listed: their blocks may come back, from a peer or with a folder that was elsewhere. Of logs that are being
 * deleted it is to be so.
 */
async function absentBlocks(
  { blocks, logs }: Stores,
  listed: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Uint8Array> {
  const digest = createHash('sha256')
  let count = 0
  for (const [name, hashes] of listed) {
    const { network = '', epoch = null } = parseLogName(name) ?? {}
    if (epoch !== null && (await isErasing(logs, network, epoch))) continue
    for (const hash of await absentOf(blocks, [...hashes])) {
      digest.update(hash)
      count += 1
    }
  }
  return count === 0 ? new Uint8Array() : Uint8Array.from(digest.digest())
}

/** Whether the blocks were walked for the sake of just these. */
async function isLookedInto(logs: StoreFiles, absent: Uint8Array): Promise<boolean> {
  if (absent.length === 0) return true
  const before = await logs.get(LOOKED_INTO)
  return before !== undefined && isSameBytes(before, absent)
}

async function absentOf(blocks: StoreFiles, hashes: readonly string[]): Promise<string[]> {
  const absent: string[] = []
  for (let at = 0; at < hashes.length; at += BATCH) {
    const batch = hashes.slice(at, at + BATCH)
    // What cannot be looked up may be there: it is read one by one later.
    const isThere = await blocks.hasMany(batch).catch(() => [])
    absent.push(...batch.filter((_, i) => isThere[i] === false))
    await yieldToLoop()
  }
  return absent
}

class Finds {
  readonly #name: string
  readonly #listed: ReadonlySet<string>
  readonly #stores: Stores
  readonly #judge: ReturnType<typeof judgeOf>
  #batch: { hash: string }[] = []
  count = 0

  constructor(name: string, listed: ReadonlySet<string> | undefined, stores: Stores) {
    this.#name = name
    this.#listed = listed ?? new Set()
    this.#stores = stores
    this.#judge = judgeOf(name, Number.POSITIVE_INFINITY)
  }

  async take(hash: string, bytes: Uint8Array): Promise<void> {
    if (this.#listed.has(hash) || this.#judge?.(bytes).isAccepted !== true) return
    this.#batch.push({ hash })
    this.count += 1
    if (this.#batch.length >= BATCH) await this.flush()
  }

  async flush(): Promise<void> {
    await listEntries(this.#stores.logs, this.#name, this.#batch)
    this.#batch = []
  }
}

/** @returns false when the list of blocks could not be read to its end. @throws what `visit` throws. */
async function walk(
  blocks: StoreFiles,
  visit: (hash: string, bytes: Uint8Array) => void | Promise<void>,
): Promise<boolean> {
  const keys = blocks.keys(ALL_BLOCKS)[Symbol.asyncIterator]()
  for (;;) {
    const { hashes, isEnd, isWhole } = await take(keys, BATCH)
    for await (const { hash, bytes } of readBlocks(blocks, hashes)) {
      if (bytes !== undefined) await visit(hash, bytes)
    }
    if (isEnd) return isWhole
    await yieldToLoop()
  }
}

async function take(
  keys: AsyncIterator<string>,
  limit: number,
): Promise<{ hashes: string[]; isEnd: boolean; isWhole: boolean }> {
  const hashes: string[] = []
  try {
    while (hashes.length < limit) {
      const { done, value } = await keys.next()
      if (done === true) return { hashes, isEnd: true, isWhole: true }
      hashes.push(value)
    }
    return { hashes, isEnd: false, isWhole: true }
  } catch {
    return { hashes, isEnd: true, isWhole: false }
  }
}

async function isEmpty(store: StoreFiles, range: { gte: string; lt: string }): Promise<boolean> {
  try {
    for await (const _ of store.keys(range)) return false
    return true
  } catch {
    // It cannot be read, so there is something.
    return false
  }
}

/** The name of a log in the manifest OrbitDB makes of it, spelled as a log of ours spells it. */
function readName(bytes: Uint8Array): string | null {
  const name = nameInManifest(decode(bytes))
  return name !== null && logAddress(name) === `/orbitdb/${hashOf(bytes)}` ? name : null
}

function readLog(bytes: Uint8Array): string | null {
  const value = decode(bytes)
  if (typeof value !== 'object' || value === null || !('id' in value)) return null
  return typeof value.id === 'string' ? value.id : null
}

function decode(bytes: Uint8Array): unknown {
  try {
    return decodeValue(bytes)
  } catch {
    return null
  }
}
