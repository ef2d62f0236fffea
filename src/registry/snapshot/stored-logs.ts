import { access } from 'node:fs/promises'
import { join } from 'node:path'

import { storesNotOpened } from '../errors.ts'
import { linksOf } from '../store/entry-codec.ts'
import type { ByteStore } from '../store/guarded-level.ts'
import { isDamaged, openLevel } from '../store/levels.ts'
import { LogIndex } from '../store/log-index.ts'
import { finishRenaming } from '../store/sound-level.ts'
import { isIntact } from './check-log.ts'
import { logAddress, parseLogName } from './log-name.ts'
import type { LogToExport } from './write.ts'

/** What is used of a store here; a Level that nobody else has open will do. */
export type StoreFiles = Pick<
  ByteStore,
  'get' | 'getMany' | 'has' | 'hasMany' | 'keys' | 'iterator' | 'batch'
>

export interface Stores {
  readonly blocks: StoreFiles
  readonly logs: StoreFiles
}

/** The stores of a stopped node. */
export interface OpenStores extends Stores {
  close(): Promise<void>
}

const INDEX_PREFIX = 'index/'
const BATCH = 64

/** Every hash begins with `zdpu`. */
export const ALL_BLOCKS = { gte: 'zdpu', lt: 'zdpv' }

/**
 * Opens the stores of a stopped node as they are: nothing is repaired.
 * @throws RegistryError `STORES_NOT_OPENED`, also when a running node has them.
 */
export async function openStores(directory: string): Promise<OpenStores> {
  try {
    for (const name of ['blocks', 'logs'] as const) await finishRenaming(directory, name)
    const blocks = await openLevel(directory, 'blocks')
    try {
      const logs = await openLevel(directory, 'logs')
      return {
        blocks,
        logs,
        close: async () => {
          await Promise.all([blocks.close(), logs.close()])
        },
      }
    } catch (error) {
      await blocks.close()
      throw error
    }
  } catch (error) {
    const advice = isDamaged(error) ? '; a start of the node repairs them' : ''
    throw storesNotOpened(directory, error, advice)
  }
}

/** Whether a node has ever kept a registry there. @throws RegistryError `STORES_NOT_OPENED` when it cannot be seen. */
export async function isRegistryAt(directory: string): Promise<boolean> {
  try {
    await access(join(directory, 'logs'))
    return true
  } catch (error) {
    if (isNothingThere(error)) return false
    throw storesNotOpened(directory, error)
  }
}

function isNothingThere(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ENOENT' || error.code === 'ENOTDIR'
}

/** Makes entries part of a log: their blocks are stored already. All or none. */
export async function listEntries(
  logs: StoreFiles,
  logName: string,
  entries: readonly { readonly hash: string }[],
): Promise<void> {
  const value = Uint8Array.of(1)
  await logs.batch(
    entries.map(({ hash }) => ({ type: 'put', key: `${INDEX_PREFIX}${logName}/${hash}`, value })),
  )
}

/** The logs that a store lists, with the entries it lists for each. */
export async function storedLogs(logs: StoreFiles): Promise<ReadonlyMap<string, Set<string>>> {
  const found = new Map<string, Set<string>>()
  for await (const key of logs.keys({ gte: INDEX_PREFIX, lt: `${INDEX_PREFIX}\uffff` })) {
    const slash = key.lastIndexOf('/')
    const name = key.slice(INDEX_PREFIX.length, slash)
    if (parseLogName(name) === null) continue
    const hashes = found.get(name) ?? new Set()
    found.set(name, hashes.add(key.slice(slash + 1)))
  }
  return found
}

export interface StoredBlock {
  readonly hash: string
  readonly bytes: Uint8Array | undefined
  readonly state: 'intact' | 'lost' | 'damaged'
}

/** Reads blocks in batches; one that cannot be read does not hide the others. */
export async function* readBlocks(
  blocks: StoreFiles,
  hashes: Iterable<string>,
): AsyncGenerator<StoredBlock> {
  let batch: string[] = []
  for (const hash of hashes) {
    batch.push(hash)
    if (batch.length < BATCH) continue
    yield* readBatch(blocks, batch)
    batch = []
  }
  yield* readBatch(blocks, batch)
}

async function* readBatch(
  blocks: StoreFiles,
  batch: readonly string[],
): AsyncGenerator<StoredBlock> {
  const read = await blocks.getMany(batch).catch(() => null)
  for (const [i, hash] of batch.entries()) {
    if (read === null) yield await readOne(blocks, hash)
    else yield stateOf(hash, read[i])
  }
}

async function readOne(blocks: StoreFiles, hash: string): Promise<StoredBlock> {
  try {
    return stateOf(hash, await blocks.get(hash))
  } catch {
    return { hash, bytes: undefined, state: 'damaged' }
  }
}

function stateOf(hash: string, bytes: Uint8Array | undefined): StoredBlock {
  if (bytes === undefined) return { hash, bytes, state: 'lost' }
  if (isIntact(hash, bytes)) return { hash, bytes, state: 'intact' }
  return { hash, bytes: undefined, state: 'damaged' }
}

/** A stored log as an export wants it: what can be read of it, parents first. */
export async function logToExport(
  blocks: StoreFiles,
  name: string,
  hashes: Iterable<string>,
): Promise<LogToExport> {
  const index = new LogIndex()
  for await (const { hash, bytes } of readBlocks(blocks, hashes)) {
    if (bytes === undefined) continue
    const { next, refs } = linksOf(bytes)
    index.add(hash, next, refs)
  }
  const read = async (wanted: readonly string[]) => {
    const found: (Uint8Array | undefined)[] = []
    for await (const { bytes } of readBlocks(blocks, wanted)) found.push(bytes)
    return found
  }
  return { name, address: logAddress(name), hashes: index.missingFrom([]), read }
}
