import { MAX_CLOCK_AHEAD_MS, MAX_ENTRY_BYTES, MAX_NEXT, MAX_REFS } from '../constants.ts'
import { isPlainObject, type PlainObject } from '../records/fields.ts'
import { isLocalId } from '../records/limits.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { RecordValue } from '../types.ts'
import {
  cutSignedBytes,
  decodeValue,
  encodeValue,
  hashOf,
  isHash,
  isSameBytes,
} from './entry-codec.ts'
import { readPlain } from './plain-cbor.ts'

/**
 * The rules that decide what may enter a log, each with its reason code. They look at nothing but the
 * entry, its log's address and the wall clock, so every node decides alike; changing any of them needs
 * a new `RULES_VERSION`.
 */
export type RejectionReason =
  | 'too-large'
  | 'malformed'
  | 'fields'
  | 'encoding'
  | 'log'
  | 'version'
  | 'links'
  | 'clock'
  | 'clock-ahead'
  | 'author'
  | 'payload'
  | 'key'
  | 'foreign-key'
  | 'value'
  | 'signature'
  /** No rule: this station has no room for entries of others, for the time being. */
  | 'no-room'

export interface EntryPayload {
  readonly op: 'PUT' | 'DEL'
  readonly key: string
  readonly value: RecordValue | null
}

/** An entry that passed every rule. */
export interface VerifiedEntry {
  readonly id: string
  readonly payload: EntryPayload
  readonly next: readonly string[]
  readonly refs: readonly string[]
  readonly clock: { readonly id: string; readonly time: number }
  readonly v: 2
  /** The author's peer ID, as is `identity`. */
  readonly key: string
  readonly identity: string
  readonly sig: string
  readonly hash: string
}

export interface JudgedEntry {
  readonly entry: VerifiedEntry
  readonly bytes: Uint8Array
  readonly localId: string
}

export type Verdict = ({ readonly isAccepted: true } & JudgedEntry) | Refusal

export interface Refusal {
  readonly isAccepted: false
  readonly reason: RejectionReason
  /** True for a clock that is only too early, and for no room: the same entry may pass later. */
  readonly isTemporary: boolean
}

export interface ShapeContext {
  /** `/orbitdb/<cid>` */
  readonly address: string
  readonly schema: RecordSchema
}

export interface RuleContext extends ShapeContext {
  readonly nowMs: number
  readonly verify: VerifySignature
}

/** What is to be verified yet of an entry that is right in every other respect. */
export interface UnverifiedEntry {
  readonly judged: JudgedEntry
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Whether the owner of the peer ID signed the bytes. Never throws. */
export type VerifySignature = (peerId: string, bytes: Uint8Array, signature: Uint8Array) => boolean

const FIELDS = ['clock', 'id', 'identity', 'key', 'next', 'payload', 'refs', 'sig', 'v']
const PAYLOAD_FIELDS = ['key', 'op', 'value']
const CLOCK_FIELDS = ['id', 'time']
const SIGNATURE = /^[0-9a-f]{128}$/

class Rejection {
  readonly reason: RejectionReason

  constructor(reason: RejectionReason) {
    this.reason = reason
  }
}

/** Judges one entry from its bytes alone. Never throws. */
export function judgeEntry(bytes: Uint8Array, context: RuleContext): Verdict {
  const read = readEntry(bytes, context)
  if ('isAccepted' in read) return read
  const { judged, signed, signature } = read
  return concludeEntry(judged, context.verify(judged.entry.key, signed, signature), context.nowMs)
}

/**
 * Every rule but those about the signature and the clock, which `concludeEntry` adds. Never throws.
 * @param hash the bytes' own, where it is known
 */
export function readEntry(
  bytes: Uint8Array,
  context: ShapeContext,
  hash?: string,
): UnverifiedEntry | Refusal {
  try {
    return readFields(bytes, context, hash)
  } catch (error) {
    // Anything but a rejection is input that some codec choked on, deep nesting included.
    return refuse(error instanceof Rejection ? error.reason : 'malformed')
  }
}

/** The clock comes last, so that only an entry that is right in all else is ever worth waiting for. */
export function concludeEntry(judged: JudgedEntry, isSigned: boolean, nowMs: number): Verdict {
  if (!isSigned) return refuse('signature')
  const isTooEarly = isEarly(judged.entry.clock.time, nowMs)
  return isTooEarly ? refuse('clock-ahead') : { isAccepted: true, ...judged }
}

/** Whether an entry with this clock has to wait until the wall clock is nearer. */
export function isEarly(clockMs: number, nowMs: number): boolean {
  return clockMs > nowMs + MAX_CLOCK_AHEAD_MS
}

/** The verdict on an entry that is not taken for this reason. */
export function refuse(reason: RejectionReason): Refusal {
  const isTemporary = reason === 'clock-ahead' || reason === 'no-room'
  return { isAccepted: false, reason, isTemporary }
}

function readFields(bytes: Uint8Array, context: ShapeContext, knownHash?: string): UnverifiedEntry {
  const { address, schema } = context
  check(bytes.length <= MAX_ENTRY_BYTES, 'too-large')
  const plain = readPlain(bytes)
  const raw = plain === null ? decodeValue(bytes) : plain.value
  check(isPlainObject(raw), 'malformed')
  check(hasExactly(raw, FIELDS), 'fields')
  check(plain !== null || isSameBytes(encodeValue(raw), bytes), 'encoding')
  check(raw.id === address, 'log')
  check(raw.v === 2, 'version')
  const next = readLinks(raw.next, MAX_NEXT)
  const refs = readLinks(raw.refs, MAX_REFS)
  const author = readAuthor(raw)
  const clock = readClock(raw.clock, author)
  const { payload, localId } = readPayload(raw.payload, author, schema)
  const { sig } = raw
  check(typeof sig === 'string' && SIGNATURE.test(sig), 'signature')
  const hash = knownHash ?? hashOf(bytes)
  const rest = { id: address, payload, next, refs, clock, v: 2 } as const
  return {
    judged: { entry: { ...rest, key: author, identity: author, sig, hash }, bytes, localId },
    signed: cutSignedBytes(bytes, address, author),
    signature: Buffer.from(sig, 'hex'),
  }
}

function readLinks(raw: unknown, limit: number): readonly string[] {
  check(Array.isArray(raw) && raw.length <= limit, 'links')
  const links = raw.filter(isHash)
  check(links.length === raw.length && new Set(links).size === links.length, 'links')
  return links
}

function readAuthor(raw: PlainObject): string {
  const { key, identity } = raw
  check(typeof key === 'string' && key.length <= 64 && key === identity, 'author')
  return key
}

function readClock(raw: unknown, author: string): VerifiedEntry['clock'] {
  check(isPlainObject(raw) && hasExactly(raw, CLOCK_FIELDS), 'clock')
  const { id, time } = raw
  check(id === author, 'clock')
  check(typeof time === 'number' && Number.isSafeInteger(time) && time > 0, 'clock')
  return { id: author, time }
}

function readPayload(
  raw: unknown,
  author: string,
  schema: RecordSchema,
): { payload: EntryPayload; localId: string } {
  check(isPlainObject(raw) && hasExactly(raw, PAYLOAD_FIELDS), 'payload')
  const { op, key, value } = raw
  check(op === 'PUT' || op === 'DEL', 'payload')
  check(typeof key === 'string', 'key')
  const slash = key.indexOf('/')
  const localId = key.slice(slash + 1)
  check(slash > 0 && isLocalId(localId), 'key')
  check(key.slice(0, slash) === author, 'foreign-key')
  if (op === 'DEL') {
    check(value === null, 'payload')
    return { payload: { op, key, value }, localId }
  }
  return { payload: { op, key, value: readValue(value, localId, schema) }, localId }
}

function readValue(raw: unknown, localId: string, schema: RecordSchema): RecordValue {
  try {
    const { value, ignored } = schema.parse(raw, localId)
    check(ignored.length === 0, 'value')
    return value
  } catch {
    throw new Rejection('value')
  }
}

function hasExactly(object: PlainObject, names: readonly string[]): boolean {
  const keys = Object.keys(object)
  return keys.length === names.length && names.every((name) => Object.hasOwn(object, name))
}

function check(condition: boolean, reason: RejectionReason): asserts condition {
  if (!condition) throw new Rejection(reason)
}
