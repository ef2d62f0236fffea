import type { Readable } from 'node:stream'

import * as Type from 'typebox'

import type { HttpErrorCode } from '../errors.ts'

const ID_LIMIT = 256
export const TEXT_LIMIT = 4096
export const PUBLIC_KEY_LIMIT = 512
export const SCOPE_LIMIT = 64
const LIST_LIMIT = 50

/** An ID in a path, as the registry takes it: safe in a URL, in a log line and as a key. */
export const idSchema = Type.String({
  minLength: 1,
  maxLength: ID_LIMIT,
  pattern: '^[A-Za-z0-9][A-Za-z0-9:._@+~-]*$',
})

export const idParamsSchema = Type.Object({ id: idSchema })
export const ingesterParamsSchema = Type.Object({ ingester_id: idSchema })

/** A country, subdivision or period to look for. */
export const placeSchema = Type.Optional(Type.String({ minLength: 1, maxLength: SCOPE_LIMIT }))

/** An answer of this form that the handler may write as it goes. */
export const written = <T extends Type.TSchema>(schema: T) =>
  Type.Unsafe<Type.Static<T> | Readable>(schema)

export const okSchema = Type.Literal(true)
export const ignoredSchema = Type.Optional(
  Type.Array(Type.String(), { description: 'Fields of the body that were not kept.' }),
)

/** Text, a number, true or false; null says that it is not set. */
export const scalarSchema = (maxLength = TEXT_LIMIT) =>
  Type.Unsafe<string | number | boolean | null>({
    type: ['string', 'number', 'boolean', 'null'],
    maxLength,
  })

/** A text or a list of them; null says that it is not set. */
export const textsSchema = () =>
  Type.Unsafe<string | string[] | null>({
    type: ['string', 'array', 'null'],
    maxLength: TEXT_LIMIT,
    maxItems: LIST_LIMIT,
    items: { type: 'string', maxLength: TEXT_LIMIT },
  })

/** A list of texts; null says that it is not set. */
export const listSchema = (maxLength: number) =>
  Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    maxItems: LIST_LIMIT,
    items: { type: 'string', maxLength },
  })

/** Codes a route may answer with beyond those any request may meet; shown in the OpenAPI document. */
export const READ_CODES: readonly HttpErrorCode[] = ['INVALID_ID', 'NOT_FOUND']
export const WRITE_CODES: readonly HttpErrorCode[] = [
  'INVALID_JSON',
  'INVALID_ID',
  'INVALID_RECORD',
  'OWNED_BY_OTHER',
  'BODY_TOO_LARGE',
  'RECORD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'READ_ONLY',
  'CLOSED',
  'CLOCK_AHEAD',
  'REGISTRY_TIMEOUT',
]
export const DELETE_CODES: readonly HttpErrorCode[] = [
  'INVALID_ID',
  'OWNED_BY_OTHER',
  'NOT_FOUND',
  'READ_ONLY',
  'CLOSED',
  'CLOCK_AHEAD',
  'REGISTRY_TIMEOUT',
]
