export type IdentityErrorCode =
  | 'KEY_MISSING'
  | 'KEY_UNREADABLE'
  | 'KEY_NOT_ED25519'
  | 'KEY_EXISTS'
  | 'IMPORT_MALFORMED'
  | 'DATA_DIR_NOT_WRITABLE'
  | 'DATA_DIR_LOCKED'

export interface IdentityErrorFacts {
  /** The file or folder it is about. */
  readonly path: string
  /** Process that holds the data folder, for `DATA_DIR_LOCKED`. */
  readonly holderPid?: number
}

/** What an operator can cause and mend: the message is one line and says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityErrorCode
  readonly facts: IdentityErrorFacts

  constructor(
    code: IdentityErrorCode,
    message: string,
    facts: IdentityErrorFacts,
    options: { cause?: unknown } = {},
  ) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}

/** The `code` of a Node system error, or null for anything else. */
export function systemErrorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}
