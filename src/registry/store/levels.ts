import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

export type BytesLevel = ClassicLevel<string, Uint8Array>

/**
 * A Level database with small caches: the defaults (8 MB cache, two 4 MB write buffers, 1 000 open
 * files) cost more than a registry of this size is worth.
 */
export async function openLevel(directory: string, name: string): Promise<BytesLevel> {
  const path = join(directory, name)
  await mkdir(path, { recursive: true, mode: 0o700 })
  const level: BytesLevel = new ClassicLevel(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    cacheSize: 4 * 1024 * 1024,
    writeBufferSize: 2 * 1024 * 1024,
    maxOpenFiles: 128,
  })
  await level.open()
  return level
}

/**
 * Puts a closed Level together again from what can be read of its files. What it may bring back that
 * was deleted does no harm here: blocks are named by their hash, and no entry leaves an index.
 */
export async function repairLevel(directory: string, name: string): Promise<void> {
  await ClassicLevel.repair(join(directory, name))
}

/** Whether Level found its own files damaged: at `open()` it says so in the cause. */
export function isDamaged(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'LEVEL_CORRUPTION') || isDamaged(error.cause)
}

/** Whether the disk was full: LevelDB has the system's words and no code. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) return true
  return NO_ROOM.test(error.message) || isNoRoom(error.cause)
}

const NO_ROOM = /no space left on device|disk quota exceeded/i

/** Whether files could not be opened for a reason that says nothing of what is in them: it can be mended. */
export function isOfMachine(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return OF_MACHINE.test(error.message) || isOfMachine(error.cause)
}

const OF_MACHINE =
  /permission denied|operation not permitted|too many open files|cannot allocate memory/i
