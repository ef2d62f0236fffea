export type RegistryErrorCode =
  | 'INVALID_RECORD'
  | 'OWNED_BY_OTHER'
  | 'NOT_FOUND'
  | 'READ_ONLY'
  | 'CLOSED'
  | 'TOO_LARGE'
  | 'CLOCK_AHEAD'

export interface RegistryErrorFacts {
  /** The field of the record that is at fault, as a path: `versions.1.public_key`. */
  readonly field?: string
  /** Peer ID of the station whose record it is. */
  readonly owner?: string
  readonly cause?: unknown
}

/**
 * What the registry refuses. `INVALID_RECORD` and `TOO_LARGE` name the field, `OWNED_BY_OTHER` the
 * owner; `CLOCK_AHEAD` means that our own last entry is further in the future than peers accept.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly field: string | null
  readonly owner: string | null

  constructor(code: RegistryErrorCode, message: string, facts: RegistryErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.field = facts.field ?? null
    this.owner = facts.owner ?? null
  }
}

/** `problem` completes the sentence "<field> ...". */
export function invalidField(field: string, problem: string): RegistryError {
  return new RegistryError('INVALID_RECORD', `${field} ${problem}`, { field })
}
