/**
 * Every `code` an HTTP answer may carry, with its status. Clients match on the code; the sentence
 * beside it may change. docs/http-api.md explains each, and a test holds the two together.
 */
export const HTTP_ERRORS = {
  INVALID_REQUEST: 400,
  INVALID_URL: 400,
  INVALID_JSON: 400,
  INVALID_ID: 400,
  INVALID_QUERY: 400,
  INVALID_RECORD: 400,
  TOKEN_REQUIRED: 401,
  TOKEN_INVALID: 401,
  ADDRESS_NOT_TRUSTED: 403,
  HOST_NOT_ALLOWED: 403,
  ORIGIN_NOT_ALLOWED: 403,
  OWNED_BY_OTHER: 403,
  NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  REQUEST_TIMEOUT: 408,
  BODY_TOO_LARGE: 413,
  RECORD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  READ_ONLY: 503,
  CLOSED: 503,
  CLOCK_AHEAD: 503,
  REGISTRY_TIMEOUT: 503,
  NOT_READY: 503,
} as const

export type HttpErrorCode = keyof typeof HTTP_ERRORS

/** A request that is answered with an error: thrown by routes and hooks, turned into JSON in one place. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: HttpErrorCode
  /** Peer ID of the station whose record stands in the way; with OWNED_BY_OTHER only. */
  readonly owner: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: HttpErrorCode,
    sentence: string,
    facts: { readonly owner?: string | null; readonly headers?: Record<string, string> } = {},
    cause?: unknown,
  ) {
    super(sentence, { cause })
    this.code = code
    this.owner = facts.owner ?? null
    this.headers = facts.headers ?? {}
  }
}

export type ApiErrorCode = 'PORT_IN_USE' | 'LISTEN_FAILED' | 'INVALID_NETWORK'

/** The API cannot be started as configured. One line for the operator, no stack needed. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly facts: Readonly<Record<string, string | number>>

  constructor(
    code: ApiErrorCode,
    message: string,
    facts: Readonly<Record<string, string | number>>,
    cause?: unknown,
  ) {
    super(message, { cause })
    this.code = code
    this.facts = facts
  }
}
