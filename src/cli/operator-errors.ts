import { systemWords } from '../lib/system-errors.ts'
import { CliError } from './errors.ts'

/** Of the database, beside the system's. */
const LOCKED = { code: 'LEVEL_LOCKED', words: 'the databases are in use by another process' }

/** The setting that names the address, by what is to listen there. */
const ADDRESS_SETTINGS = new Map([
  ['peers', 'LIBP2P_HOST'],
  ['api', 'API_HOST'],
  ['public', 'PUBLIC_HOST'],
])

/** Codes of the database that carry the system's words in their message, and no facts. */
const DATABASE: Readonly<Record<string, string>> = {
  LEVEL_IO_ERROR: 'the databases cannot be read or written',
  LEVEL_CORRUPTION: 'a database is damaged',
}
const DISK_FULL = /no space left on device|disk quota exceeded/i

/** Causes deeper than this are not looked at; it also ends a cause that is its own cause. */
const DEEPEST = 8

/**
 * One line for an error that an operator can cause: our own domain errors (stable code and facts, or a
 * command's) say it themselves, of system errors the code is put in words. Null for a defect, which
 * deserves its stack.
 */
export function operatorMessage(error: unknown): string | null {
  return find(error, 0)
}

function find(error: unknown, depth: number): string | null {
  if (!(error instanceof Error) || depth > DEEPEST) return null
  if (error instanceof CliError) return oneLine(error.message)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null
  if (code !== null && 'facts' in error) return oneLine(error.message + settingOf(error.facts))
  const system = code === LOCKED.code ? LOCKED.words : systemWords(code)
  if (system !== null) return describe(error, system)
  if (code !== null && Object.hasOwn(DATABASE, code)) {
    const words = DISK_FULL.test(error.message) ? systemWords('ENOSPC') : DATABASE[code]
    return oneLine(`${words} (${error.message})`)
  }
  const inner = error instanceof AggregateError ? error.errors : []
  for (const cause of [error.cause, ...inner]) {
    const message = find(cause, depth + 1)
    if (message !== null) return message
  }
  return null
}

/** Where an address is to be mended that this machine does not have. */
function settingOf(facts: unknown): string {
  if (typeof facts !== 'object' || facts === null) return ''
  const isAddress = 'reason' in facts && facts.reason === 'EADDRNOTAVAIL'
  const setting = 'listener' in facts ? ADDRESS_SETTINGS.get(String(facts.listener)) : undefined
  return isAddress && setting !== undefined ? ` (${setting})` : ''
}

function describe(error: Error, words: string): string {
  return oneLine(`${words} (${[...systemFacts(error)].join(' ')})`)
}

function* systemFacts(error: Error): Generator<string> {
  for (const name of ['code', 'syscall', 'address', 'port', 'path'] as const) {
    if (!(name in error)) continue
    const value: unknown = Reflect.get(error, name)
    if (typeof value === 'string' || typeof value === 'number') yield String(value)
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
