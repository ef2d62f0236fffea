import { decode, encode } from '@ipld/dag-cbor'
import { base58btc } from 'multiformats/bases/base58'

/**
 * Registry records as their authors signed them, for readers that keep no log: the entries of docs/protocols.md,
 * byte for byte, in base64. `GET /registry/nodes` answers one page of them:
 *
 *   { "network": "wesense", "database": "nodes", "entries": [ "<base64>", ... ], "next": "<cursor>" | null }
 *
 * The reader believes the authors alone. What it cannot know is whether it was given all there is, nor which of
 * several authors was first to use a local id: the server can leave out, and forge nothing.
 */
export interface SignedEntriesPage {
  readonly network: string
  readonly database: string
  readonly entries: readonly string[]
  /** For `?after=`; null on the last page. */
  readonly next: string | null
}

/** Entries of one page, and bytes of one entry. */
export const LIMIT_ENTRIES = 500
export const LIMIT_ENTRY_BYTES = 8_192
/** A page as text: base64 takes a third more. */
export const LIMIT_PAGE_BYTES = LIMIT_ENTRIES * (Math.ceil(LIMIT_ENTRY_BYTES / 3) * 4 + 3) + 1_024

const RULES_VERSION = 1
const DATABASE_TYPE = 'wesense-records'
const EPOCH_MS = 14 * 86_400_000
/** CIDv1, dag-cbor, sha2-256, 32 bytes: what the digest follows. */
const CID_PREFIX = [1, 0x71, 0x12, 32]
const FIELDS = ['clock', 'id', 'identity', 'key', 'next', 'payload', 'refs', 'sig', 'v']
const PAYLOAD_FIELDS = ['key', 'op', 'value']
const SIGNATURE = /^[0-9a-f]{128}$/
const LOCAL_ID = /^[A-Za-z0-9][A-Za-z0-9:._@+~,-]{0,512}$/

/** What one author says under one local id. */
export interface SignedRecord {
  /** The peer ID whose key signed it. */
  readonly author: string
  readonly localId: string
  /** The author's clock, ms since 1970. */
  readonly clockMs: number
  /** null: the author deleted it. Text in it is whatever the author wrote. */
  readonly value: Readonly<Record<string, unknown>> | null
}

/** What the check needs of its surroundings, which differ between Node and a browser. */
export interface EntryCheck {
  readonly network: string
  readonly database: string
  readonly nowMs: number
  /** Epochs before the present one that are accepted. */
  readonly epochsBack: number
  sha256(bytes: Uint8Array): Promise<Uint8Array>
  /** Whether the owner of the peer ID signed the bytes; never rejects. */
  verify(peerId: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** Reads a page as it came over the wire. @returns null for what is none */
export function readEntriesPage(value: unknown): SignedEntriesPage | null {
  if (!isPlainObject(value)) return null
  const { network, database, entries, next = null } = value
  if (typeof network !== 'string' || typeof database !== 'string') return null
  if (!Array.isArray(entries) || entries.length > LIMIT_ENTRIES) return null
  const texts = entries.filter((one): one is string => typeof one === 'string')
  if (texts.length !== entries.length || (next !== null && typeof next !== 'string')) return null
  return { network, database, entries: texts, next }
}

/** The addresses of the logs that an entry may be of: of this network and database, lately. */
export async function acceptedLogs(check: EntryCheck): Promise<Set<string>> {
  const current = Math.floor(check.nowMs / EPOCH_MS)
  const epochs = Array.from({ length: check.epochsBack + 2 }, (_, i) => current + 1 - i)
  return new Set(await Promise.all(epochs.map((epoch) => logAddress(check, epoch))))
}

async function logAddress(check: EntryCheck, epoch: number): Promise<string> {
  const manifest = encode({
    name: `${check.network}.${check.database}.v${RULES_VERSION}.e${epoch}`,
    type: DATABASE_TYPE,
    accessController: `/wesense-rules/${RULES_VERSION}`,
  })
  const digest = await check.sha256(manifest)
  return `/orbitdb/${base58btc.encode(Uint8Array.from([...CID_PREFIX, ...digest]))}`
}

/**
 * Opens one entry. Its form, its log and its signature are checked; what its value says is its author's word, and so
 * is its time: one that seems to be of the future says that the reader's clock is behind, and not that it is forged.
 * @param logs of `acceptedLogs`
 * @returns null for anything that its author did not sign as it stands there. Never throws.
 */
export async function openSignedEntry(
  bytes: Uint8Array,
  logs: ReadonlySet<string>,
  check: EntryCheck,
): Promise<SignedRecord | null> {
  if (bytes.length > LIMIT_ENTRY_BYTES) return null
  try {
    return await openEntry(bytes, logs, check)
  } catch {
    return null
  }
}

async function openEntry(
  bytes: Uint8Array,
  logs: ReadonlySet<string>,
  check: EntryCheck,
): Promise<SignedRecord | null> {
  const raw: unknown = decode(bytes)
  if (!isPlainObject(raw) || !hasExactly(raw, FIELDS) || !isSame(encode(raw), bytes)) return null
  const { id, key: author, identity, clock, payload, next, refs, v, sig } = raw
  if (typeof id !== 'string' || !logs.has(id) || v !== 2) return null
  if (typeof author !== 'string' || author !== identity) return null
  if (!isPlainObject(clock) || clock.id !== author || !isTime(clock.time)) return null
  const localId = localIdOf(payload, author)
  if (localId === null || !isPlainObject(payload)) return null
  if (typeof sig !== 'string' || !SIGNATURE.test(sig)) return null
  const signed = encode({ id, payload, next, refs, clock, v })
  if (!(await check.verify(author, signed, fromHex(sig)))) return null
  const value = isPlainObject(payload.value) ? payload.value : null
  return { author, localId, clockMs: clock.time, value }
}

/** null for a payload that its author may not write. */
function localIdOf(payload: unknown, author: string): string | null {
  if (!isPlainObject(payload) || !hasExactly(payload, PAYLOAD_FIELDS)) return null
  const { op, key, value } = payload
  const isForm = op === 'PUT' ? isPlainObject(value) : op === 'DEL' && value === null
  if (!isForm || typeof key !== 'string' || !key.startsWith(`${author}/`)) return null
  const localId = key.slice(author.length + 1)
  return LOCAL_ID.test(localId) ? localId : null
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

function hasExactly(object: object, names: readonly string[]): boolean {
  const keys = Object.keys(object)
  return keys.length === names.length && names.every((name) => Object.hasOwn(object, name))
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  )
}
