import { invalidField } from '../errors.ts'
import type { TrustKeyVersion, TrustRecord } from '../types.ts'
import { type Parsed, readId, readObject, readText, readTime } from './fields.ts'
import { RECORD_LIMITS } from './limits.ts'
import { mergeKeyVersions } from './merge.ts'
import type { RecordSchema } from './schema.ts'

const RECORD_FIELDS = new Set(['ingester_id', 'versions', 'updated_at'])
const BODY_FIELDS = new Set(['public_key', 'key_version', 'status', 'versions'])
const OUR_FIELDS = new Set(['_id', 'ingester_id', 'updated_at'])
const VERSION_FIELDS = new Set(['public_key', 'status', 'added', 'revoked_at'])
const VERSION_NUMBER = /^(0|[1-9][0-9]{0,8})$/

/** One station's statement about an ingester's keys; its local id is the `ingester_id`. */
export const trustSchema: RecordSchema<TrustRecord> = {
  timeFields: ['updated_at'],
  parse: parseTrust,
  prepare: (raw, { localId, now, current }) => {
    const body = readObject(raw, 'record')
    const stated = readStatedVersions(body, now)
    const versions = mergeKeyVersions(current?.versions ?? {}, stated)
    const { value } = parseTrust({ ingester_id: localId, versions, updated_at: now }, localId)
    const isIgnored = (name: string) => !BODY_FIELDS.has(name) && !OUR_FIELDS.has(name)
    return { value, ignored: names(body, isIgnored) }
  },
}

/** Reads a complete trust record. @throws RegistryError `INVALID_RECORD` naming the field. */
export function parseTrust(raw: unknown, localId: string): Parsed<TrustRecord> {
  const record = readObject(raw, 'record')
  const ingesterId = readId(record.ingester_id, 'ingester_id')
  if (ingesterId !== localId) throw invalidField('ingester_id', 'must be the id of the record')
  const ignored = names(record, (name) => !RECORD_FIELDS.has(name))
  const entries = Object.entries(readObject(record.versions, 'versions'))
  if (entries.length === 0) throw invalidField('versions', 'must hold at least one key')
  if (entries.length > RECORD_LIMITS.keyVersions) {
    throw invalidField('versions', `must hold at most ${RECORD_LIMITS.keyVersions} keys`)
  }
  const versions = entries.map(([version, item]): [string, TrustKeyVersion] => {
    const parsed = readKeyVersion(item, `versions.${version.slice(0, 16)}`, version)
    ignored.push(...parsed.ignored)
    return [version, parsed.value]
  })
  return {
    value: {
      ingester_id: ingesterId,
      versions: Object.fromEntries(versions),
      updated_at: readTime(record.updated_at, 'updated_at'),
    },
    ignored: ignored.slice(0, RECORD_LIMITS.ignoredNames),
  }
}

function readKeyVersion(raw: unknown, field: string, version: string): Parsed<TrustKeyVersion> {
  if (!VERSION_NUMBER.test(version)) throw invalidField(field, 'must be numbered 0 to 999999999')
  const item = readObject(raw, field)
  const value: TrustKeyVersion = {
    public_key: readPublicKey(item.public_key, `${field}.public_key`),
    status: readStatus(item.status, `${field}.status`),
    added: readTime(item.added, `${field}.added`),
    ...(item.revoked_at === undefined
      ? {}
      : { revoked_at: readTime(item.revoked_at, `${field}.revoked_at`) }),
  }
  return { value, ignored: names(item, (name) => !VERSION_FIELDS.has(name)) }
}

function readPublicKey(value: unknown, field: string): string {
  const text = readText(value, field, RECORD_LIMITS.publicKeyChars)
  const bytes = Buffer.from(text, 'base64')
  // Compared with its own encoding: a lenient decoder would give one key many spellings.
  if (bytes.length !== 32 || bytes.toString('base64') !== text) {
    throw invalidField(field, 'must be a raw 32-byte Ed25519 key in base64')
  }
  return text
}

function readStatus(value: unknown, field: string): TrustKeyVersion['status'] {
  if (value !== 'active' && value !== 'revoked') {
    throw invalidField(field, 'must be "active" or "revoked"')
  }
  return value
}

/** Either one key (`public_key`, `key_version`, `status`) or the `versions` of a record read before. */
function readStatedVersions(
  body: Readonly<Record<string, unknown>>,
  now: string,
): Readonly<Record<string, TrustKeyVersion>> {
  if (body.versions === undefined) return oneVersion(body, now)
  const stated = Object.entries(readObject(body.versions, 'versions'))
  if (stated.length > RECORD_LIMITS.keyVersions) {
    throw invalidField('versions', `must hold at most ${RECORD_LIMITS.keyVersions} keys`)
  }
  return Object.fromEntries(
    stated.map(([version, raw]): [string, TrustKeyVersion] => {
      const field = `versions.${version.slice(0, 16)}`
      const item = readObject(raw, field)
      const times = { added: item.added ?? now, ...revokedAt(item, now) }
      return [version, readKeyVersion({ ...item, ...times }, field, version).value]
    }),
  )
}

function oneVersion(
  body: Readonly<Record<string, unknown>>,
  now: string,
): Readonly<Record<string, TrustKeyVersion>> {
  const version = body.key_version ?? 1
  if (typeof version !== 'number' && typeof version !== 'string') {
    throw invalidField('key_version', 'must be a whole number')
  }
  if (!VERSION_NUMBER.test(String(version))) {
    throw invalidField('key_version', 'must be a whole number, 0 to 999999999')
  }
  const status = readStatus(body.status ?? 'active', 'status')
  const statement: TrustKeyVersion = {
    public_key: readPublicKey(body.public_key, 'public_key'),
    status,
    added: now,
    ...(status === 'revoked' ? { revoked_at: now } : {}),
  }
  return { [String(version)]: statement }
}

function revokedAt(item: Readonly<Record<string, unknown>>, now: string): { revoked_at?: unknown } {
  return item.status === 'revoked' ? { revoked_at: item.revoked_at ?? now } : {}
}

function names(object: Readonly<Record<string, unknown>>, isWanted: (name: string) => boolean) {
  return Object.keys(object)
    .filter(isWanted)
    .slice(0, RECORD_LIMITS.ignoredNames)
    .map((name) => name.slice(0, 64))
}
