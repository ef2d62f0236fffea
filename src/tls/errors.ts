export type TlsErrorCode =
  | 'UNREADABLE'
  | 'NO_CERTIFICATE'
  | 'NO_KEY'
  | 'MISMATCH'
  | 'UNUSABLE'
  | 'EXPIRED'
  | 'NOT_YET_VALID'

export interface TlsErrorFacts {
  /** The file that it is about; of a pair that does not belong together, the key's. */
  readonly file: string
}

/** Why a pair of certificate files is not served: one line that names the file. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly code: TlsErrorCode
  readonly facts: TlsErrorFacts

  constructor(code: TlsErrorCode, message: string, facts: TlsErrorFacts, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }
}
