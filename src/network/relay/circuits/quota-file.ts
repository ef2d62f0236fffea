import { readFile } from 'node:fs/promises'

import { writeAtomically } from '../../../lib/atomic-file.ts'

const VERSION = 1
const LIMIT_BYTES = 4_096
const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/

/** What a month has used. */
export interface MonthUse {
  /** `2026-11`, UTC. */
  readonly month: string
  readonly bytes: number
}

/**
 * @returns null when there is no file
 * @throws Error when there is one that this code did not write, or that cannot be read
 */
export async function readMonthUse(path: string): Promise<MonthUse | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  if (text.length > LIMIT_BYTES) throw new Error('the file is too large')
  return parse(JSON.parse(text))
}

/** Old or new content after a crash, never half of it. */
export async function writeMonthUse(path: string, { month, bytes }: MonthUse): Promise<void> {
  await writeAtomically(path, `${JSON.stringify({ version: VERSION, month, bytes })}\n`)
}

function parse(value: unknown): MonthUse {
  if (typeof value !== 'object' || value === null) throw new Error('not an object')
  const { version, month, bytes } = value as Readonly<Record<string, unknown>>
  if (version !== VERSION) throw new Error('not of this version')
  if (typeof month !== 'string' || !MONTH.test(month)) throw new Error('malformed month')
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw new Error('malformed count')
  }
  return { month, bytes }
}
