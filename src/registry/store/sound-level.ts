import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { ByteStore } from './guarded-level.ts'
import {
  type BytesLevel,
  isDamaged,
  isNoRoom,
  isOfMachine,
  openLevel,
  repairLevel,
} from './levels.ts'
import { INDEX_SUSPECT, salvageBlocks } from './salvage.ts'

/** What is added to a store's name while a new one is made to take its place. */
const ANEW = '.anew'
/** Damaged stores of one name that are kept. */
const KEPT_ASIDE = 3

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
 * write, for the sake of a few bytes. A damaged one is kept beside the one that takes its place.
 * @throws what Level throws for anything but damage: locked, no room, no permission.
 */
export async function openSoundLevel(
  options: SoundLevelOptions,
  components: SoundLevelComponents,
): Promise<BytesLevel> {
  const { directory, name } = options
  await finishRenaming(directory, name)
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
  } catch (error) {
    if (isOfMachine(error)) {
      await level.close()
      throw error
    }
    // What the disk does not give is damaged, whatever it is called (a table that is cut off is an "invalid
    // argument").
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

/**
 * Makes the new store beside the damaged one and then changes their names, so that a salvage that is cut
 * short, by a kill or a full disk, is begun again by the next start.
 */
async function openAnew(
  { directory, name }: SoundLevelOptions,
  { logs, onSetAside }: SoundLevelComponents,
): Promise<BytesLevel> {
  const anew = `${name}${ANEW}`
  await rm(join(directory, anew), { recursive: true, force: true })
  const level = await openLevel(directory, anew)
  let blocksSaved = 0
  try {
    if (name === 'logs') await level.put(INDEX_SUSPECT, Uint8Array.of(1))
    else blocksSaved = await salvage(directory, name, level, logs)
  } finally {
    await level.close()
  }
  const aside = await setAside(directory, name)
  await rename(join(directory, anew), join(directory, name))
  onSetAside(name, aside, blocksSaved)
  return await openLevel(directory, name)
}

/** A kill between the two names that `openAnew` changes leaves a whole store under the wrong one. */
export async function finishRenaming(directory: string, name: StoreName): Promise<void> {
  const names: readonly string[] = await readdir(directory).catch(() => [])
  if (names.includes(name) || !names.includes(`${name}${ANEW}`)) return
  await rename(join(directory, `${name}${ANEW}`), join(directory, name))
}

/**
 * Keeps a damaged store under another name. A disk that goes bad damages one at each start: the last few
 * are kept, for what could be read of those before is in the stores that came after them.
 */
async function setAside(directory: string, name: StoreName): Promise<string> {
  const stem = `${name}.damaged-`
  const aside = join(directory, `${stem}${new Date().toISOString().replaceAll(/[:.]/g, '-')}`)
  await rename(join(directory, name), aside)
  const kept = (await readdir(directory)).filter((file) => file.startsWith(stem)).sort()
  for (const old of kept.slice(0, -KEPT_ASIDE)) {
    await rm(join(directory, old), { recursive: true, force: true })
  }
  return aside
}

async function salvage(
  directory: string,
  damaged: string,
  to: BytesLevel,
  logs: Pick<ByteStore, 'keys'>,
): Promise<number> {
  const from = await openLevel(directory, damaged).catch((error: unknown) => {
    if (isNoRoom(error) || isOfMachine(error)) throw error
    return null
  })
  if (from === null) return 0
  try {
    return await salvageBlocks(from, to, logs)
  } finally {
    await from.close()
  }
}
