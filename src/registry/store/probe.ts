import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Reopening two stores writes out their logs, at most a write buffer of 2 MiB each. */
const ROOM_BYTES = 8 * 1024 * 1024
const PROBE_BYTES = 64 * 1024

/**
 * Finds out whether a disk takes writes, before the stores, which can still be read, are closed.
 * @throws when it does not, or has no room to open them again.
 */
export async function probe(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < ROOM_BYTES) throw new Error('there is no room yet')
  const path = join(directory, 'probe.tmp')
  try {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(Buffer.alloc(PROBE_BYTES))
      await file.datasync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}
