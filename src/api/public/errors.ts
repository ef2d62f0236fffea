import { HttpError } from '../errors.ts'
import { errorReply } from '../http/error-reply.ts'

/**
 * Codes of the public listener; those that both listeners use have the same status.
 * docs/public-api.md explains each.
 */
export const PUBLIC_ERRORS = {
  INVALID_REQUEST: 400,
  INVALID_URL: 400,
  ROUTE_UNKNOWN: 400,
  TOKEN_REQUIRED: 401,
  TOKEN_INVALID: 401,
  ADDRESS_NOT_ALLOWED: 403,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  OTHER_NETWORK: 409,
  OTHER_PROTOCOL: 409,
  INVALID_PARAMETER: 422,
  RATE_LIMITED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  NOT_SERVED: 501,
  NOT_READY: 503,
} as const

export type PublicErrorCode = keyof typeof PUBLIC_ERRORS

/** A request to the public listener that is answered with an error. */
export class PublicError extends Error {
  override readonly name = 'PublicError'
  readonly code: PublicErrorCode
  readonly headers: Readonly<Record<string, string>>
  /** Further fields of the answer. */
  readonly facts: Readonly<Record<string, string | number>>

  constructor(
    code: PublicErrorCode,
    sentence: string,
    {
      headers = {},
      facts = {},
    }: {
      readonly headers?: Record<string, string>
      readonly facts?: Readonly<Record<string, string | number>>
    } = {},
    cause?: unknown,
  ) {
    super(sentence, { cause })
    this.code = code
    this.headers = headers
    this.facts = facts
  }
}

export interface PublicErrorReply {
  readonly status: number
  readonly body: { readonly error: string; readonly code: string }
  readonly headers: Readonly<Record<string, string>>
}

/** Where an error's own message would tell of internals. */
const NOT_READY = 'the station is starting, stopping or busy: try again'

/** Anything that was thrown, as the answer a client gets. */
export function publicErrorReply(error: unknown): PublicErrorReply {
  if (error instanceof PublicError) {
    const { code, message, headers, facts } = error
    return {
      status: PUBLIC_ERRORS[code],
      body: { error: message, code, ...facts },
      headers,
    }
  }
  const { status, body, headers } = errorReply(error)
  if (error instanceof HttpError || body.code in PUBLIC_ERRORS) return { status, body, headers }
  if (status === 503) return { status, body: { error: NOT_READY, code: 'NOT_READY' }, headers }
  if (status < 500) return { status: 400, body: { ...body, code: 'INVALID_REQUEST' }, headers }
  return { status: 500, body: { error: 'the station could not answer', code: 'INTERNAL' }, headers }
}
