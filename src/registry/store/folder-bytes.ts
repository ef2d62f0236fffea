import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { RESERVE_NAME } from './reserve.ts'

/** What is asked of a file system about a file. */
export type SizeOf = (path: string) => Promise<{ readonly size: number }>

/**
 * Sizes of all files below a folder but the reserve, in bytes; null when they cannot be told.
 * @param sizeOf stat of node:fs/promises by default
 */
export async function folderBytes(
  directory: string,
  sizeOf: SizeOf = stat,
): Promise<number | null> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && entry.name !== RESERVE_NAME)
    const sizes = files.map(({ parentPath, name }) => fileBytes(join(parentPath, name), sizeOf))
    return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0)
  } catch {
    return null
  }
}

/** 0 for one that went while they were listed. @throws for one whose size cannot be told */
async function fileBytes(path: string, sizeOf: SizeOf): Promise<number> {
  try {
    return (await sizeOf(path)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
