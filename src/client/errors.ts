export type ClientErrorCode =
  | 'BAD_OPTION'
  | 'PRIVATE_NETWORK'
  | 'NOT_CONNECTED'
  | 'STOPPED'
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_MALFORMED'

/** Every failure that the client throws, told apart by `code`. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
