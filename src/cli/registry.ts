import { join } from 'node:path'

import type { Settings } from '../config/index.ts'
import { IdentityError, loadIdentity, lockDataDir, readIdentity } from '../identity/index.ts'
import {
  checkForImport,
  exportStopped,
  importStopped,
  isRegistryAt,
  verifySnapshot,
  verifyStopped,
} from '../registry/index.ts'
import { apiOrigin } from './api-client.ts'
import { streamApi } from './api-stream.ts'
import { CliError } from './errors.ts'
import { readChunks, writeWhole } from './registry-file.ts'
import { importLines, snapshotLines, storesLines, toJson } from './registry-report.ts'
import { EXIT, type SettingsContext } from './types.ts'

const DAY_MS = 86_400_000

/** `registry verify [FILE] | export FILE [--force] | import FILE`. */
export async function run(context: SettingsContext): Promise<number> {
  const [action, file, ...more] = context.words
  if (more.length === 0) {
    if (action === 'verify' && file === undefined) return await verifyStores(context)
    if (action === 'verify' && file !== undefined) return await verifyFile(context, file)
    if (action === 'export' && file !== undefined) return await exportFile(context, file)
    if (action === 'import' && file !== undefined) return await importFile(context, file)
  }
  throw new CliError(
    'USAGE',
    'registry takes: verify [FILE], export FILE [--force], or import FILE',
  )
}

async function verifyFile(context: SettingsContext, file: string): Promise<number> {
  const report = await verifySnapshot(readChunks(file))
  print(context, toJson(report), snapshotLines(report))
  return report.problems.count === 0 ? EXIT.ok : EXIT.failed
}

async function verifyStores(context: SettingsContext): Promise<number> {
  const directory = folderOf(context.loaded.settings)
  const report = await whileStopped(context, () => verifyStopped({ directory }))
  print(context, toJson(report), storesLines(report))
  return report.problems.count === 0 ? EXIT.ok : EXIT.failed
}

/** From the running node where there is one, else from its stores; the file is verified before it counts. */
async function exportFile(context: SettingsContext, file: string): Promise<number> {
  const { settings } = context.loaded
  let source = folderOf(settings)
  const report = await writeWhole(file, context.switches.has('force'), {
    write: async (write) => {
      try {
        const chunks = () => exportOffline(settings)
        await whileStopped(context, () => writeAll(chunks(), write))
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        if (error.code !== 'NODE_RUNNING' && error.code !== 'NO_REGISTRY') throw error
        source = `the node at ${apiOrigin(settings)}`
        await writeAll(streamApi(settings, '/registry/snapshot'), write)
      }
    },
    check: (written) => verifySnapshot(readChunks(written)),
  })
  const lines = [`Exported from ${source} to ${file}`, ...snapshotLines(report)]
  print(context, { file, ...toJson(report) }, lines)
  return EXIT.ok
}

async function* exportOffline(settings: Settings): AsyncGenerator<Uint8Array> {
  const { dataDir, networkName } = settings
  const directory = folderOf(settings)
  const identity = await readIdentity(dataDir)
  if (identity === null) throw noRegistry(directory)
  yield* exportStopped({ directory, networkName, timeMs: Date.now() }, identity)
}

async function writeAll(
  chunks: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  for await (const chunk of chunks) await write(chunk)
}

async function importFile(context: SettingsContext, file: string): Promise<number> {
  const { dataDir, networkName, nodeTtlDays } = context.loaded.settings
  const directory = folderOf(context.loaded.settings)
  const nowMs = Date.now()
  const options = { directory, networkName, nowMs, ttlMs: nodeTtlDays * DAY_MS }
  const [peerId, report] = await whileLocked(context, async () => {
    // A snapshot that is refused must not leave a new key behind.
    await checkForImport(readChunks(file), networkName)
    // Then the key: a folder that holds a registry and no key is one that has lost its key.
    const identity = await loadIdentity({ dataDir })
    return [identity.peerId, await importStopped(readChunks(file), options)] as const
  })
  const lines = [`Imported ${file} into ${directory}, station ${peerId}`, ...importLines(report)]
  print(context, { peer_id: peerId, ...toJson(report) }, lines)
  return EXIT.ok
}

function print(context: SettingsContext, json: object, lines: readonly string[]): void {
  const text = context.switches.has('json') ? JSON.stringify(json, null, 2) : lines.join('\n')
  context.output.out(`${text}\n`)
}

/** @throws CliError `NODE_RUNNING`, or `NO_REGISTRY` where no node has kept one. */
async function whileStopped<T>(context: SettingsContext, work: () => Promise<T>): Promise<T> {
  const directory = folderOf(context.loaded.settings)
  // Before the lock: it would make the folder of a DATA_DIR that was mistyped.
  if (!(await isRegistryAt(directory))) throw noRegistry(directory)
  return await whileLocked(context, work)
}

/** @throws CliError `NODE_RUNNING` */
async function whileLocked<T>(context: SettingsContext, work: () => Promise<T>): Promise<T> {
  const { dataDir } = context.loaded.settings
  const { pid, isAlive } = context.process
  try {
    const lock = await lockDataDir({ dataDir, pid, isAlive })
    try {
      return await work()
    } finally {
      await lock.release()
    }
  } catch (error) {
    if (!isOfRunningNode(error)) throw error
    const message = `A node is running on ${dataDir}: stop it first. "registry export FILE" works while it runs, and "registry verify FILE" on what that wrote.`
    throw new CliError('NODE_RUNNING', message, { cause: error })
  }
}

/** A node in another container is not seen by the lock of the folder, only by that of the databases. */
function isOfRunningNode(error: unknown): boolean {
  if (error instanceof IdentityError) return error.code === 'DATA_DIR_LOCKED'
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'LEVEL_LOCKED') || isOfRunningNode(error.cause)
}

function noRegistry(directory: string): CliError {
  return new CliError('NO_REGISTRY', `There is no registry in ${directory}: is DATA_DIR right?`)
}

function folderOf({ dataDir }: Settings): string {
  return join(dataDir, 'registry')
}
