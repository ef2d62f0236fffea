export type CliErrorCode =
  | 'USAGE'
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'REFUSED'
  | 'BAD_ANSWER'
  | 'NO_PORT'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'FILE_EXISTS'
  | 'NODE_RUNNING'
  | 'NO_REGISTRY'
  | 'CUT_OFF'
  | 'OLD_NODE'

/** What a command cannot do, in one line for the operator. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}
