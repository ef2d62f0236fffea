import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'

import { escapeRemote } from '../lib/text.ts'
import { TlsError } from './errors.ts'
import type { CertificatePair } from './types.ts'

export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** What the two files held at one moment. */
export type FoundPair =
  | { readonly pair: CertificatePair; readonly digest: string }
  | { readonly error: TlsError; readonly digest: string }

/** A chain has a few kilobytes; whatever is larger is no certificate, and is not read. */
const MOST_BYTES = 256 * 1024

/**
 * Reads both files through whatever links lead to them. Never throws.
 * @returns the texts, or why there are none; `digest` differs when the answer does
 */
export async function readPairFiles({ certFile, keyFile }: PairFiles): Promise<FoundPair> {
  try {
    const cert = await readBounded(certFile)
    const key = await readBounded(keyFile)
    return { pair: { cert, key }, digest: digestOf(cert, key) }
  } catch (error) {
    if (!(error instanceof TlsError)) throw error
    return { error, digest: `error: ${error.message}` }
  }
}

async function readBounded(file: string): Promise<string> {
  try {
    const found = await stat(file)
    // A pipe or a device would be read for ever.
    if (!found.isFile()) throw unreadable(file, 'it is no file')
    if (found.size > MOST_BYTES) throw unreadable(file, `it has ${found.size} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof TlsError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw unreadable(file, code, error)
  }
}

function unreadable(file: string, why: string, cause?: unknown): TlsError {
  return new TlsError(
    'UNREADABLE',
    `"${escapeRemote(file)}" cannot be read (${why})`,
    { file },
    cause,
  )
}

function digestOf(cert: string, key: string): string {
  return createHash('sha256').update(`${cert.length}\n`).update(cert).update(key).digest('hex')
}
