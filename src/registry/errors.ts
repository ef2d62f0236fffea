export type RegistryErrorCode =
  | 'INVALID_RECORD'
  | 'OWNED_BY_OTHER'
  | 'NOT_FOUND'
  | 'READ_ONLY'
  | 'CLOSED'
  | 'BUSY'
  | 'TOO_LARGE'
  | 'CLOCK_AHEAD'
  | 'STORES_NOT_OPENED'
  | 'LIBRARY_CHANGED'

export interface RegistryErrorFacts {
  /** The field of the record that is at fault, as a path: `versions.1.public_key`. */
  readonly field?: string
  /** Peer ID of the station whose record it is. */
  readonly owner?: string
  /** The folder of the stores, for `READ_ONLY` and `STORES_NOT_OPENED`. */
  readonly path?: string
  /** What the system said, for `READ_ONLY` and `STORES_NOT_OPENED`. */
  readonly reason?: string
}

/**
 * What the registry refuses; the message is one line and, where an operator can mend it, says how.
 * `INVALID_RECORD` and `TOO_LARGE` name the field, `OWNED_BY_OTHER` the owner; `READ_ONLY` means that
 * the disk takes no writes for now, `BUSY` that too many writes wait, `CLOCK_AHEAD` that our own last
 * entry is further in the future than peers accept.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly facts: RegistryErrorFacts

  constructor(
    code: RegistryErrorCode,
    message: string,
    facts: RegistryErrorFacts = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }
}

/** `problem` completes the sentence "<field> ...". */
export function invalidField(field: string, problem: string): RegistryError {
  return new RegistryError('INVALID_RECORD', `${field} ${problem}`, { field })
}

/** The disk takes no writes. `path` is the folder of the stores, `cause` what a write failed with. */
export function readOnly(path: string, cause: unknown): RegistryError {
  const reason = reasonOf(cause)
  const message = `the registry cannot write to ${path}: ${reason}; it goes on by itself once that is mended`
  return new RegistryError('READ_ONLY', message, { path, reason }, cause)
}

/** The stores in `path` cannot be opened, so nothing was started; `advice` says what else helps. */
export function storesNotOpened(path: string, cause: unknown, advice = ''): RegistryError {
  const reason = reasonOf(cause)
  const file = fileIn(cause, path)
  const what = file === null ? reason : `${file}: ${reason}`
  const message = `the registry's stores in ${path} cannot be opened: ${what}${advice}`
  return new RegistryError('STORES_NOT_OPENED', message, { path, reason }, cause)
}

/**
 * What the system said: LevelDB puts it after the file (`IO error: <file>: No space left on device`),
 * and Level wraps it in an error of its own.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'LEVEL_LOCKED') return 'they are in use by another process'
  if (error.cause instanceof Error) return reasonOf(error.cause)
  const words = error.message.split(': ').at(-1)?.replaceAll('\n', ' ') ?? error.message
  // Node adds what it was doing: "permission denied, mkdir '/data/registry/logs'".
  return 'syscall' in error ? (words.split(', ')[0] ?? words) : words
}

/** The file below `path` that LevelDB names in its message. */
function fileIn(error: unknown, path: string): string | null {
  if (!(error instanceof Error)) return null
  const at = error.message.indexOf(`${path}/`)
  if (at < 0) return fileIn(error.cause, path)
  return error.message.slice(at + path.length + 1).split(/: |'/)[0] ?? null
}
