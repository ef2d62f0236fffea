import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { RESERVE_NAME } from './reserve.ts'

/** Sizes of all files below a folder but the reserve, in bytes; null when it cannot be listed. */
export async function folderBytes(directory: string): Promise<number | null> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && entry.name !== RESERVE_NAME)
    // A file may go while they are listed.
    const size = ({ parentPath, name }: (typeof files)[number]) =>
      stat(join(parentPath, name)).then(
        (stats) => stats.size,
        () => 0,
      )
    return (await Promise.all(files.map(size))).reduce((sum, bytes) => sum + bytes, 0)
  } catch {
    return null
  }
}
