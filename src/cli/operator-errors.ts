import { CliError } from './errors.ts'

/** System errors that the machine's operator can mend, in words. */
const SYSTEM: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  ENFILE: 'the machine has too many open files',
  LEVEL_LOCKED: 'the databases are in use by another process',
}

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
  if (code !== null && 'facts' in error) return oneLine(error.message)
  if (code !== null && Object.hasOwn(SYSTEM, code)) return describe(error, SYSTEM[code] ?? code)
  if (code !== null && Object.hasOwn(DATABASE, code)) {
    const words = DISK_FULL.test(error.message) ? SYSTEM.ENOSPC : DATABASE[code]
    return oneLine(`${words} (${error.message})`)
  }
  const inner = error instanceof AggregateError ? error.errors : []
  for (const cause of [error.cause, ...inner]) {
    const message = find(cause, depth + 1)
    if (message !== null) return message
  }
  return null
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
