import { isDeepStrictEqual } from 'node:util'

import type { verifyTrustEntry } from '../registry/index.ts'
import { CliError } from './errors.ts'

type Verify = typeof verifyTrustEntry
type Verified = Extract<ReturnType<Verify>, { isValid: true }>

export interface CheckedStatement {
  /** As the file names it: not yet proven where `problem` says otherwise. */
  readonly about: string
  readonly author: string
  readonly entryHash: string
  /** null: what the file says is what the author signed. */
  readonly problem: string | null
}

/**
 * Reads the statements of a file as the API writes them: an answer with `statements`, a list, or one.
 * @throws CliError `FILE_UNREADABLE` for anything else.
 */
export function readExported(bytes: Uint8Array): readonly object[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new CliError('FILE_UNREADABLE', 'the file is not JSON', { cause })
  }
  const listed = isObject(parsed) && 'statements' in parsed ? parsed.statements : parsed
  const list: unknown[] = Array.isArray(listed) ? listed : [listed]
  const statements = list.filter(isObject)
  if (statements.length > 0 && statements.length === list.length) return statements
  throw new CliError(
    'FILE_UNREADABLE',
    'the file holds no statements: write it with "trust why --json"',
  )
}

/** Checks one exported statement against the entry in it. */
export function checkStatement(statement: object, verify: Verify): CheckedStatement {
  const text = (name: string) => {
    const value: unknown = Reflect.get(statement, name)
    return typeof value === 'string' ? value : ''
  }
  const isVouch = text('kind') === 'vouch'
  const about = isVouch ? `vouch:${text('peer_id')}` : text('ingester_id')
  const stated = { about, author: text('author'), entryHash: text('entry_hash') }
  const entry = text('entry')
  if (entry === '') return { ...stated, problem: 'it holds no entry: export it with ?entry=true' }
  const verified = verify(Buffer.from(entry, 'base64'))
  if (!verified.isValid) {
    return { ...stated, problem: `its entry breaks the rule "${verified.reason}"` }
  }
  return { ...stated, problem: differenceOf(statement, stated, verified) }
}

/** What the file says otherwise than the signed entry, in words; null when they agree. */
function differenceOf(
  statement: object,
  stated: Omit<CheckedStatement, 'problem'>,
  verified: Verified,
): string | null {
  if (verified.entryHash !== stated.entryHash) return `its entry is ${verified.entryHash}`
  if (verified.author !== stated.author) return `it was signed by ${verified.author}`
  if (verified.localId !== stated.about) return `its entry is about ${verified.localId}`
  if (Reflect.get(statement, 'clock_ms') !== verified.clockMs) return 'its entry has another clock'
  const { value } = verified
  if (value === null) return 'its entry deletes what was stated'
  const isSame =
    'versions' in value
      ? isDeepStrictEqual(keysOf(Reflect.get(statement, 'versions')), value.versions)
      : 'status' in value && Reflect.get(statement, 'status') === value.status
  return isSame ? null : 'its entry states something else'
}

/** Key versions without the verdicts of the station that exported them. */
function keysOf(versions: unknown): object {
  if (!isObject(versions)) return {}
  const keys = Object.entries(versions).map(([version, item]) => {
    if (!isObject(item)) return [version, item]
    const { counts: _, reason: _r, by: _b, ...key } = { ...item } as Record<string, unknown>
    return [version, key]
  })
  return Object.fromEntries(keys)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
