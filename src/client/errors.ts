export type ClientErrorCode =
  | 'BAD_OPTION'
  | 'PRIVATE_NETWORK'
  | 'NOT_CONNECTED'
  | 'UNREACHABLE'
  | 'MALFORMED'
  | 'OTHER_NETWORK'
  | 'OTHER_PROTOCOL'

/** Every failure that the client throws, told apart by `code`. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
