import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IdentityError, systemErrorCode } from './errors.ts'
import { KEY_FILE_LIMIT_BYTES } from './key-format.ts'

const IDENTITY_DIR = 'identity'
const TEMPORARY_NAME = '.peer.key.tmp'
const KEY_MODE = 0o600
const DIR_MODE = 0o700
/** Anyone but the owner may read or write. */
const LAX_BITS = 0o077

export const LOCK_NAME = 'wesense-node.lock'
/** What a node makes beside its key. Anything else is the operator's: lists, tokens, certificates. */
const MADE_BY_A_NODE = ['network', 'registry']

/** Where the key of a data folder lies. */
export function keyPath(dataDir: string): string {
  return join(dataDir, IDENTITY_DIR, 'peer.key')
}

/**
 * What a node has left in a data folder beside the key, the rest of an interrupted key write left out.
 * Empty for a folder that does not exist.
 * @throws IdentityError `DATA_DIR_NOT_WRITABLE` when it cannot be listed.
 */
export async function listExistingData(dataDir: string): Promise<string[]> {
  const found = await list(dataDir)
  const keys = found.includes(IDENTITY_DIR) ? await list(join(dataDir, IDENTITY_DIR)) : []
  return [
    ...found.filter((name) => MADE_BY_A_NODE.includes(name)),
    ...keys.filter((name) => name !== TEMPORARY_NAME).map((name) => join(IDENTITY_DIR, name)),
  ]
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw notWritable(path, error)
  }
}

/** The key file's bytes, or null when there is none. @throws IdentityError `KEY_UNREADABLE`. */
export async function readKeyFile(dataDir: string): Promise<Uint8Array | null> {
  const path = keyPath(dataDir)
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > KEY_FILE_LIMIT_BYTES) throw new Error(`it has ${size} bytes, a key has 68`)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT') return null
    if (code === 'ENOTDIR') throw notWritable(path, error)
    const why = code ?? (error instanceof Error ? error.message : String(error))
    throw new IdentityError(
      'KEY_UNREADABLE',
      `The identity key ${path} cannot be read (${why}): make it a file that this user owns and may ` +
        'read (mode 0600), or restore it from a backup. Nothing was changed.',
      { path },
      { cause: error },
    )
  }
}

/** Says what is lax about the key's permissions, or null when nobody else may touch it. */
export async function laxPermissions(dataDir: string): Promise<string | null> {
  const path = keyPath(dataDir)
  const mode = (await stat(path)).mode & 0o777
  if ((mode & LAX_BITS) === 0) return null
  const shown = mode.toString(8).padStart(4, '0')
  return `The identity key ${path} is open to other users (mode ${shown}): chmod 600 ${path}`
}

/**
 * Puts a key in place so that a crash at any point loses no key: temporary file, fsync, rename, fsync
 * of the folders. A present key is first moved to `backupPath`, when that is given.
 * @throws IdentityError `DATA_DIR_NOT_WRITABLE`.
 */
export async function writeKeyFile(
  dataDir: string,
  bytes: Uint8Array,
  backupPath: string | null = null,
): Promise<void> {
  const path = keyPath(dataDir)
  const folder = dirname(path)
  const temporary = join(folder, TEMPORARY_NAME)
  try {
    await mkdir(folder, { recursive: true, mode: DIR_MODE })
    await chmod(folder, DIR_MODE)
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', KEY_MODE)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    if (backupPath !== null) await rename(path, backupPath)
    await rename(temporary, path)
    await syncFolder(folder)
    await syncFolder(dataDir)
    await syncFolder(dirname(dataDir))
  } catch (error) {
    throw notWritable(folder, error)
  }
}

/** Where a replaced key is kept: named by the time, so that no backup overwrites another. */
export function backupPathFor(dataDir: string, now: Date): string {
  return `${keyPath(dataDir)}.backup-${now.toISOString().replaceAll(/[:.]/g, '-')}`
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch {
    // Some file systems refuse fsync of a folder, and a parent may not be ours to open; the rename
    // itself has happened, only its durability over a power cut is left to the file system.
  }
}

export function notWritable(path: string, cause: unknown): IdentityError {
  const why = systemErrorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause))
  return new IdentityError(
    'DATA_DIR_NOT_WRITABLE',
    `The data folder cannot be used: ${why} on ${path}. Give this user write access ` +
      '(in a container: PUID and PGID), free space, or another DATA_DIR.',
    { path },
    { cause },
  )
}
