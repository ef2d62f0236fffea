import { MAX_CLOCK_AHEAD_MS, MAX_ENTRY_BYTES, MAX_NEXT, MAX_REFS } from '../constants.ts'
import { isPlainObject, type PlainObject } from '../records/fields.ts'
import { isLocalId } from '../records/limits.ts'
import type { RecordSchema } from '../records/schema.ts'
import type { RecordValue } from '../types.ts'
import {
  decodeValue,
  encodeValue,
  hashOf,
  isHash,
  isSameBytes,
  type SignedFields,
  signedBytes,
} from './entry-codec.ts'

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

export type Verdict =
  | ({ readonly isAccepted: true } & JudgedEntry)
  | {
      readonly isAccepted: false
      readonly reason: RejectionReason
      /** True for a clock that is only too early: the same entry may pass later. */
      readonly isTemporary: boolean
    }

export interface RuleContext {
  /** `/orbitdb/<cid>` */
  readonly address: string
  readonly schema: RecordSchema
  readonly nowMs: number
  readonly verify: VerifySignature
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
  try {
    return { isAccepted: true, ...readEntry(bytes, context) }
  } catch (error) {
    // Anything but a rejection is input that some codec choked on, deep nesting included.
    const reason = error instanceof Rejection ? error.reason : 'malformed'
    return { isAccepted: false, reason, isTemporary: reason === 'clock-ahead' }
  }
}

function readEntry(bytes: Uint8Array, context: RuleContext): JudgedEntry {
  check(bytes.length <= MAX_ENTRY_BYTES, 'too-large')
  const raw = decodeValue(bytes)
  check(isPlainObject(raw), 'malformed')
  check(hasExactly(raw, FIELDS), 'fields')
  check(isSameBytes(encodeValue(raw), bytes), 'encoding')
  check(raw.id === context.address, 'log')
  check(raw.v === 2, 'version')
  const next = readLinks(raw.next, MAX_NEXT)
  const refs = readLinks(raw.refs, MAX_REFS)
  const author = readAuthor(raw)
  const clock = readClock(raw.clock, author)
  const { payload, localId } = readPayload(raw.payload, author, context.schema)
  const sig = readSignature(raw, author, context.verify)
  // Last, so that only an entry that is right in all else is ever worth waiting for.
  check(clock.time <= context.nowMs + MAX_CLOCK_AHEAD_MS, 'clock-ahead')
  const hash = hashOf(bytes)
  const rest = { id: context.address, payload, next, refs, clock, v: 2 } as const
  return { entry: { ...rest, key: author, identity: author, sig, hash }, bytes, localId }
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

function readSignature(raw: PlainObject, author: string, verify: VerifySignature): string {
  const { sig, id, payload, next, refs, clock, v } = raw
  check(typeof sig === 'string' && SIGNATURE.test(sig), 'signature')
  const signed: SignedFields = { id, payload, next, refs, clock, v }
  check(verify(author, signedBytes(signed), Buffer.from(sig, 'hex')), 'signature')
  return sig
}

function hasExactly(object: PlainObject, names: readonly string[]): boolean {
  const keys = Object.keys(object)
  return keys.length === names.length && names.every((name) => Object.hasOwn(object, name))
}

function check(condition: boolean, reason: RejectionReason): asserts condition {
  if (!condition) throw new Rejection(reason)
}
