import { mkdir } from 'node:fs/promises'

import type { Identity } from '../../identity/index.ts'
import { windowAt } from '../epochs/calendar.ts'
import { type ImportReport, importSnapshot } from './import.ts'
import { parseLogName } from './log-name.ts'
import { logToExport, openStores, storedLogs } from './stored-logs.ts'
import { type StoresReport, verifyStores } from './verify-stores.ts'
import { type LogToExport, type SnapshotOptions, writeSnapshot } from './write.ts'

/** The registry's folder of a node that does not run. */
export interface StoppedRegistry {
  readonly directory: string
}

/**
 * A snapshot of a stopped node's registry: every log of this network that it has.
 * @throws RegistryError `STORES_NOT_OPENED`, SnapshotError.
 */
export async function* exportStopped(
  { directory, ...options }: StoppedRegistry & SnapshotOptions,
  identity: Identity,
): AsyncGenerator<Uint8Array> {
  const stores = await openStores(directory)
  try {
    const logs: LogToExport[] = []
    for (const [name, hashes] of await storedLogs(stores.logs)) {
      if (parseLogName(name)?.network !== options.networkName) continue
      logs.push(await logToExport(stores.blocks, name, hashes))
    }
    yield* writeSnapshot(options, { identity, logs })
  } finally {
    await stores.close()
  }
}

/** Checks the stores of a stopped node. @throws RegistryError `STORES_NOT_OPENED`. */
export async function verifyStopped({ directory }: StoppedRegistry): Promise<StoresReport> {
  const stores = await openStores(directory)
  try {
    return await verifyStores(stores)
  } finally {
    await stores.close()
  }
}

export interface ImportStoppedOptions extends StoppedRegistry {
  readonly networkName: string
  /** ms since the epoch */
  readonly nowMs: number
  /** Logs of epochs that ended longer ago are left out: a start would delete them again. */
  readonly ttlMs: number
}

/**
 * Adds a snapshot, which `checkForImport` has looked through, to the stores of a stopped node; they are
 * made where there are none. @throws as `importSnapshot`, and RegistryError `STORES_NOT_OPENED`.
 */
export async function importStopped(
  chunks: AsyncIterable<Uint8Array>,
  { directory, networkName, nowMs, ttlMs }: ImportStoppedOptions,
): Promise<ImportReport> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { oldest, newest } = windowAt(nowMs, ttlMs)
  const isWanted = (name: string) => {
    const epoch = parseLogName(name)?.epoch ?? null
    return epoch === null || (epoch >= oldest && epoch <= newest)
  }
  const stores = await openStores(directory)
  try {
    return await importSnapshot(chunks, { networkName, nowMs, isWanted }, stores)
  } finally {
    await stores.close()
  }
}
