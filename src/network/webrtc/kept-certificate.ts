import { readFile } from 'node:fs/promises'

import { writeAtomically } from '../../lib/atomic-file.ts'
import { createSelfSigned, parseSelfSigned, type SelfSigned } from './self-signed.ts'

const DAY_MS = 86_400_000

/**
 * Its hash is a part of the address that others write down, so a new one breaks their links. Browsers look at the
 * hash alone, not at the time; the time is for those who do.
 */
const LIFE_MS = 10 * 365 * DAY_MS
/** One that has less left is replaced at the start. */
const LEAST_LEFT_MS = 90 * DAY_MS
/** Clocks of others may be behind. */
const BACKDATED_MS = DAY_MS

/**
 * The certificate in a file, the same at every start; made when there is none, or none that can be used. A damaged
 * file costs the address, not the start.
 * @param path null keeps it in memory
 * @throws system errors of reading and writing the file
 */
export async function keptCertificate(path: string | null, nowMs: number): Promise<SelfSigned> {
  const kept = path === null ? null : await read(path)
  if (kept !== null && kept.validUntilMs - nowMs > LEAST_LEFT_MS) return kept
  const made = createSelfSigned(nowMs - BACKDATED_MS, nowMs + LIFE_MS)
  if (path !== null) await writeAtomically(path, made.pem + made.privateKey)
  return made
}

async function read(path: string): Promise<SelfSigned | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException): null => {
    // A file that cannot be read just now is not replaced: its hash is in links that others wrote down.
    if (error.code !== 'ENOENT') throw error
    return null
  })
  if (text === null) return null
  try {
    const end = text.indexOf('-----BEGIN PRIVATE KEY-----')
    return parseSelfSigned(text.slice(0, end), text.slice(end))
  } catch {
    return null
  }
}
