import { HTTP_ERRORS, HttpError, type HttpErrorCode } from '../errors.ts'

interface ErrorBody {
  readonly error: string
  readonly code: HttpErrorCode
  readonly owner?: string
}

export interface ErrorReply {
  readonly status: number
  readonly body: ErrorBody
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Codes of the registry's and Fastify's errors, and what they are here. Matched by code alone: the
 * API knows neither class.
 */
const FOREIGN_CODES: Readonly<Record<string, HttpErrorCode>> = {
  INVALID_RECORD: 'INVALID_RECORD',
  OWNED_BY_OTHER: 'OWNED_BY_OTHER',
  NOT_FOUND: 'NOT_FOUND',
  READ_ONLY: 'READ_ONLY',
  CLOSED: 'CLOSED',
  CLOCK_AHEAD: 'CLOCK_AHEAD',
  BUSY: 'REGISTRY_TIMEOUT',
  TOO_LARGE: 'RECORD_TOO_LARGE',
  DEADLINE: 'REGISTRY_TIMEOUT',
  FST_ERR_BAD_URL: 'INVALID_URL',
  FST_ERR_MAX_PARAM_LENGTH: 'INVALID_ID',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
}

/** Where the error's own message would tell a client of internals, or too little. */
const SENTENCES: Partial<Record<HttpErrorCode, string>> = {
  NOT_FOUND: 'not found',
  OWNED_BY_OTHER: 'another station registered this record; only it can change it',
  READ_ONLY: 'the disk takes no writes for now, so nothing was stored: /readyz has the reason',
  CLOSED: 'the registry is closed: the station is starting or stopping',
  CLOCK_AHEAD: "this machine's clock is behind the station's own last entry: check its time",
  REGISTRY_TIMEOUT: 'the registry did not answer in time: try again',
  INVALID_URL: 'the path is not a valid percent-encoded URL path',
  INVALID_ID: 'the id has more than 256 characters',
  UNSUPPORTED_MEDIA_TYPE: 'send the body as JSON: "Content-Type: application/json"',
  INTERNAL: 'the station could not answer: its log has the reason',
}

/** Anything that was thrown, as the answer a client gets. */
export function errorReply(error: unknown): ErrorReply {
  if (error instanceof HttpError) {
    return reply(error.code, error.message, error.owner, error.headers)
  }
  const code = FOREIGN_CODES[textField(error, 'code') ?? ''] ?? 'INTERNAL'
  const sentence = SENTENCES[code] ?? textField(error, 'message') ?? code
  return reply(code, sentence, textField(error, 'owner'), {})
}

function reply(
  code: HttpErrorCode,
  error: string,
  owner: string | null,
  headers: ErrorReply['headers'],
): ErrorReply {
  const body = owner === null ? { error, code } : { error, code, owner }
  return { status: HTTP_ERRORS[code], body, headers }
}

/** Also finds `owner` among the facts of an error that keeps them apart. */
function textField(error: unknown, name: string): string | null {
  if (typeof error !== 'object' || error === null) return null
  const own: unknown = Reflect.get(error, name)
  if (typeof own === 'string') return own
  const facts: unknown = Reflect.get(error, 'facts')
  return name === 'owner' && facts !== error ? textField(facts, name) : null
}
