import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

import { CliError } from './errors.ts'

/** A file from its beginning, a piece at a time. @throws CliError `FILE_UNREADABLE`. */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `${path} cannot be read (${codeOf(error)})`, {
      cause: error,
    })
  }
}

export interface FileWork<T> {
  write(write: (chunk: Uint8Array) => Promise<void>): Promise<void>
  /** Looks at what was written before it gets its name. */
  check(path: string): Promise<T>
}

/**
 * Writes a file that is there whole or not at all: under another name first, which is gone after a
 * failure. @throws CliError `FILE_EXISTS` unless forced, `FILE_UNWRITABLE`, and what the work throws.
 */
export async function writeWhole<T>(
  path: string,
  isForced: boolean,
  work: FileWork<T>,
): Promise<T> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isThere && !isForced) {
    throw new CliError('FILE_EXISTS', `${path} is there already: choose another name, or --force`)
  }
  const temporary = `${path}.part`
  try {
    await writeTo(temporary, work)
    const result = await work.check(temporary)
    await rename(temporary, path)
    await syncFolder(dirname(path))
    return result
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

async function writeTo<T>(path: string, work: FileWork<T>): Promise<void> {
  const file = await open(path, 'w', 0o644).catch((error: unknown) => {
    throw unwritable(path, error)
  })
  try {
    await work.write(async (chunk) => {
      await file.writeFile(chunk).catch((error: unknown) => {
        throw unwritable(path, error)
      })
    })
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new name outlives a power cut once its folder is written. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function unwritable(path: string, error: unknown): CliError {
  const message = `${path} cannot be written (${codeOf(error)})`
  return new CliError('FILE_UNWRITABLE', message, { cause: error })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
