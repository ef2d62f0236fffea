import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Opening two stores writes out their logs, at most a write buffer of 2 MiB each. */
const RESERVE_BYTES = 4 * 1024 * 1024
/** The reserve is made where this much is free: a disk must not run full for its sake. */
const PLENTY_BYTES = 8 * RESERVE_BYTES

export const RESERVE_NAME = 'reserve'

/**
 * Room that is given up when the stores cannot be opened for want of it: LevelDB writes when it opens, and
 * has no other way to read. Random, because some file systems take no room for zeros. Nothing is done on a
 * disk with little room. @throws what writing it throws; it is there whole or not at all.
 */
export async function holdReserve(directory: string): Promise<void> {
  if (await isHeld(directory)) return
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < PLENTY_BYTES) return
  const temporary = join(directory, `${RESERVE_NAME}.tmp`)
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(randomBytes(RESERVE_BYTES))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(directory, RESERVE_NAME))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function isHeld(directory: string): Promise<boolean> {
  return await stat(join(directory, RESERVE_NAME)).then(
    () => true,
    () => false,
  )
}

/** @returns false when there was none to give up. */
export async function giveUpReserve(directory: string): Promise<boolean> {
  if (!(await isHeld(directory))) return false
  await rm(join(directory, RESERVE_NAME))
  return true
}
