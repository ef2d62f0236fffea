export type SnapshotErrorCode =
  /** Not the container, cut off, or beyond a limit. */
  | 'MALFORMED'
  /** A block is not what its name says. */
  | 'DAMAGED'
  /** Of a format or of entry rules that this version does not know. */
  | 'UNKNOWN_VERSION'
  /** What was exported is not what the exporter signed. */
  | 'BAD_SIGNATURE'
  | 'OTHER_NETWORK'
  /** A block went away or was found damaged while it was exported. */
  | 'LOST_BLOCK'
  /** One export at a time. */
  | 'BUSY'

export interface SnapshotErrorFacts {
  /** Byte in the file where it was noticed. */
  readonly offset?: number
  readonly hash?: string
  readonly network?: string
}

/** Why a snapshot cannot be written or read; the message is one line for an operator. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code: SnapshotErrorCode
  readonly facts: SnapshotErrorFacts

  constructor(code: SnapshotErrorCode, message: string, facts: SnapshotErrorFacts = {}) {
    super(message)
    this.code = code
    this.facts = facts
  }
}
