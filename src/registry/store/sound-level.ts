import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { ByteStore } from './guarded-level.ts'
import { type BytesLevel, isDamaged, openLevel, repairLevel } from './levels.ts'
import { INDEX_SUSPECT, salvageBlocks } from './salvage.ts'

export type StoreName = 'blocks' | 'logs'

export interface SoundLevelOptions {
  readonly directory: string
  readonly name: StoreName
}

export interface SoundLevelComponents {
  /** Names the blocks to look for in a damaged store; open when the blocks are opened. */
  readonly logs: Pick<ByteStore, 'keys'>
  /** A store was damaged; what could be read of it is there again. */
  onRepaired(name: StoreName): void
  /**
   * A store was damaged beyond repair: it is kept at `path`, and a new one is in its place, with the
   * blocks that could be read.
   */
  onSetAside(name: StoreName, path: string, blocksSaved: number): void
}

/**
 * Opens a store that a power cut or a bad disk may have damaged: LevelDB refuses all of it, or every later
 * write, for the sake of a few bytes. Nothing of the damaged one is ever deleted.
 * @throws what Level throws for anything but damage: locked, no room, no permission.
 */
export async function openSoundLevel(
  options: SoundLevelOptions,
  components: SoundLevelComponents,
): Promise<BytesLevel> {
  const { directory, name } = options
  const opened = await openChecked(directory, name)
  if (opened === 'unreadable') return await openAnew(options, components)
  if (opened !== 'refused') return opened
  const isRepaired = await repair(directory, name)
  const repaired = isRepaired ? await openChecked(directory, name) : 'refused'
  if (typeof repaired === 'string') return await openAnew(options, components)
  if (name === 'logs') await repaired.put(INDEX_SUSPECT, Uint8Array.of(1))
  components.onRepaired(name)
  return repaired
}

/**
 * Walks all keys: LevelDB meets a damage that a walk meets again whenever it compacts, and takes no write
 * after that, or ends the process when keys come out of order (classic-level 3.0.0). A block whose
 * bytes alone are damaged is found when it is read.
 */
async function openChecked(
  directory: string,
  name: StoreName,
): Promise<BytesLevel | 'refused' | 'unreadable'> {
  const level = await openLevel(directory, name).catch((error: unknown) => {
    if (!isDamaged(error)) throw error
    return null
  })
  if (level === null) return 'refused'
  try {
    if (await isInOrder(level.keys())) return level
  } catch {
    // It was opened, so the disk can be read: what is not there is damaged, whatever it is called (a
    // table that is cut off is an "invalid argument").
  }
  await level.close()
  return 'unreadable'
}

async function isInOrder(keys: AsyncIterable<string>): Promise<boolean> {
  let last = ''
  for await (const key of keys) {
    if (key <= last) return false
    last = key
  }
  return true
}

/**
 * Puts the files together again. A damaged table can end the process meanwhile (an assertion,
 * classic-level 3.0.0): a start that finds the mark of a repair that did not end makes none.
 * @returns false when nothing is to be had from a repair
 */
async function repair(directory: string, name: StoreName): Promise<boolean> {
  const mark = join(directory, `${name}.repairing`)
  try {
    await (await open(mark, 'wx', 0o600)).close()
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isThere) throw error
    await rm(mark)
    return false
  }
  try {
    await repairLevel(directory, name)
    return true
  } catch (error) {
    if (!isDamaged(error)) throw error
    return false
  } finally {
    await rm(mark, { force: true })
  }
}

async function openAnew(
  { directory, name }: SoundLevelOptions,
  { logs, onSetAside }: SoundLevelComponents,
): Promise<BytesLevel> {
  const aside = `${name}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
  await rename(join(directory, name), join(directory, aside))
  const level = await openLevel(directory, name)
  let blocksSaved = 0
  try {
    if (name === 'logs') await level.put(INDEX_SUSPECT, Uint8Array.of(1))
    else blocksSaved = await salvage(directory, aside, level, logs)
  } catch (error) {
    await level.close()
    throw error
  }
  onSetAside(name, join(directory, aside), blocksSaved)
  return level
}

async function salvage(
  directory: string,
  aside: string,
  to: BytesLevel,
  logs: Pick<ByteStore, 'keys'>,
): Promise<number> {
  const from = await openLevel(directory, aside).catch(() => null)
  if (from === null) return 0
  try {
    return await salvageBlocks(from, to, logs)
  } finally {
    await from.close()
  }
}
