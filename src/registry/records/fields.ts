import { invalidField } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { isId, RECORD_LIMITS } from './limits.ts'

/** Turns one untrusted value into a verified one. @throws RegistryError naming `field`. */
export type FieldReader = (value: unknown, field: string) => JsonValue

// Spelled out, because what Date.parse makes of odd text differs between engines, and this is part of
// rules that every node must apply alike.
const TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

export interface Parsed<T> {
  readonly value: T
  /** Names of fields that are not part of the record, at most 32, each cut to 64 characters. */
  readonly ignored: readonly string[]
}

export type PlainObject = { readonly [key: string]: unknown }

/** True for what JSON or CBOR decode to as a map; false for arrays, CIDs, byte strings, classes. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

export function readObject(value: unknown, field: string): PlainObject {
  if (!isPlainObject(value)) throw invalidField(field, 'must be an object')
  return value
}

export function readText(
  value: unknown,
  field: string,
  limitChars: number = RECORD_LIMITS.stringChars,
): string {
  if (typeof value !== 'string') throw invalidField(field, 'must be a string')
  if (value.length > limitChars) {
    throw invalidField(field, `must be at most ${limitChars} characters`)
  }
  // A lone surrogate does not survive encoding, so the stored value would differ from the given one.
  if (!value.isWellFormed()) throw invalidField(field, 'must be well-formed Unicode')
  return value
}

export function readId(value: unknown, field: string): string {
  const text = readText(value, field, RECORD_LIMITS.idChars)
  if (!isId(text)) {
    throw invalidField(
      field,
      'must start with a letter or digit and hold only A-Z a-z 0-9 : . _ @ + ~ -',
    )
  }
  return text
}

export function readTime(value: unknown, field: string): string {
  const text = readText(value, field, 40)
  if (!TIME.test(text)) throw invalidField(field, 'must be an ISO 8601 time with a zone')
  return text
}

/** String, number, boolean or null: ingesters send numbers as either. */
export const readScalar: FieldReader = (value, field) => {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return readNumber(value, field)
  if (typeof value === 'string') return readText(value, field)
  throw invalidField(field, 'must be a string, a number, a boolean or null')
}

function readNumber(value: number, field: string): number {
  // Negative zero and integers past 2^53 change their value on the way through CBOR.
  const isExact = !Number.isInteger(value) || (Number.isSafeInteger(value) && !Object.is(value, -0))
  if (!Number.isFinite(value) || !isExact)
    throw invalidField(field, 'must be a finite, exact number')
  return value
}

/** Short names such as scopes and regions. */
export function readLabels(value: unknown, field: string): readonly string[] {
  return readList(value, field, RECORD_LIMITS.labelChars)
}

export const readNullableLabels: FieldReader = (value, field) =>
  value === null ? null : readLabels(value, field)

/** A list of longer strings, or one of them: URLs. */
export const readTexts: FieldReader = (value, field) => {
  if (value === null) return null
  if (typeof value === 'string') return readText(value, field)
  return readList(value, field, RECORD_LIMITS.stringChars)
}

function readList(value: unknown, field: string, limitChars: number): readonly string[] {
  if (!Array.isArray(value)) throw invalidField(field, 'must be a list of strings')
  if (value.length > RECORD_LIMITS.labels) {
    throw invalidField(field, `must have at most ${RECORD_LIMITS.labels} elements`)
  }
  return value.map((item, i) => readText(item, `${field}[${i}]`, limitChars))
}

/** Any JSON of bounded depth and size. */
export const readJson: FieldReader = (value, field) => {
  let left = RECORD_LIMITS.jsonValues
  const read = (item: unknown, depth: number): JsonValue => {
    left -= 1
    if (left < 0) throw invalidField(field, `must hold at most ${RECORD_LIMITS.jsonValues} values`)
    if (depth > RECORD_LIMITS.jsonDepth) {
      throw invalidField(field, `must nest at most ${RECORD_LIMITS.jsonDepth} levels`)
    }
    if (Array.isArray(item)) return item.map((x) => read(x, depth + 1))
    if (!isPlainObject(item)) return readScalar(item, field)
    const entries = Object.entries(item).map(([name, x]): [string, JsonValue] => {
      readId(name, `name of a value in ${field}`)
      return [name, read(x, depth + 1)]
    })
    return Object.fromEntries(entries)
  }
  return read(value, 1)
}

/** Reads the fields that `readers` names and reports the others. A field that is undefined is absent. */
export function readFields(
  raw: PlainObject,
  readers: Readonly<Record<string, FieldReader>>,
): Parsed<{ readonly [field: string]: JsonValue }> {
  const value: { [field: string]: JsonValue } = {}
  const ignored: string[] = []
  for (const [field, item] of Object.entries(raw)) {
    if (item === undefined) continue
    const reader = Object.hasOwn(readers, field) ? readers[field] : undefined
    if (reader !== undefined) value[field] = reader(item, field)
    else if (ignored.length < RECORD_LIMITS.ignoredNames) ignored.push(field.slice(0, 64))
  }
  return { value, ignored }
}
