import { invalidField } from '../errors.ts'
import { isBoundKey } from '../trust/key-binding.ts'
import type { CarriedRecord, TrustKeyVersion, TrustRecord, VouchRecord } from '../types.ts'
import { isCarriedId, parseCarried } from './carried.ts'
import { type Parsed, readId, readObject, readText, readTime } from './fields.ts'
import { RECORD_LIMITS } from './limits.ts'
import { mergeKeyVersions } from './merge.ts'
import type { PrepareContext, RecordSchema } from './schema.ts'
import { isVouchId, parseVouch, prepareVouch } from './vouch.ts'

const RECORD_FIELDS = new Set(['ingester_id', 'versions', 'updated_at'])
const KEY_FIELDS = new Set(['public_key', 'key_version', 'status'])
const OUR_FIELDS = new Set(['_id', 'ingester_id', 'updated_at'])
const VERSION_FIELDS = new Set(['public_key', 'status', 'added', 'revoked_at'])
const NO_VERSIONS: Parsed<TrustRecord['versions']> = { value: {}, ignored: [] }
const VERSION_NUMBER = /^(0|[1-9][0-9]{0,8})$/

type TrustValue = TrustRecord | VouchRecord | CarriedRecord

/**
 * What a station states about an ingester's keys, under the `ingester_id`; about another station; or
 * carries forward of another's.
 */
export const trustSchema: RecordSchema<TrustValue> = {
  timeFields: ['updated_at'],
  parse: (raw, localId) => {
    if (isVouchId(localId)) return parseVouch(raw, localId)
    return isCarriedId(localId) ? parseCarried(raw) : parseTrust(raw, localId)
  },
  prepare: (raw, context) =>
    isVouchId(context.localId) ? prepareVouch(raw, context) : prepareTrust(raw, context),
}

/** Merges what a caller wrote into what we stated before. @throws as `parseTrust`. */
export function prepareTrust(
  raw: unknown,
  { localId, now, current }: PrepareContext<TrustValue>,
): Parsed<TrustRecord> {
  const body = readObject(raw, 'record')
  // A record that was read before may come back with one more key beside its versions.
  const listed = body.versions === undefined ? NO_VERSIONS : readVersions(body.versions, now)
  const isKeyStated = body.versions === undefined || body.public_key !== undefined
  const stated = isKeyStated ? oneVersion(body, now) : {}
  const held = current !== null && 'versions' in current ? current.versions : {}
  refuseUnbound(localId, stated, () => 'public_key')
  refuseUnbound(localId, listed.value, (version) => `versions.${version}.public_key`)
  const versions = mergeKeyVersions(mergeKeyVersions(held, listed.value), stated)
  const { value } = parseTrust({ ingester_id: localId, versions, updated_at: now }, localId)
  const isIgnored = (name: string) =>
    !OUR_FIELDS.has(name) && !(name === 'versions' || (isKeyStated && KEY_FIELDS.has(name)))
  const ignored = [...names(body, isIgnored), ...listed.ignored]
  return { value, ignored: ignored.slice(0, RECORD_LIMITS.ignoredNames) }
}

/** Such a key would count nowhere. It can still be revoked, for it may have been stated before. */
function refuseUnbound(
  ingesterId: string,
  versions: TrustRecord['versions'],
  fieldOf: (version: string) => string,
): void {
  for (const [version, { public_key, status }] of Object.entries(versions)) {
    if (status === 'revoked' || isBoundKey(ingesterId, public_key)) continue
    const problem = `is not the key that ${ingesterId} is made from: its SHA-256 begins otherwise`
    throw invalidField(fieldOf(version), problem)
  }
}

/** Reads a complete trust record. @throws RegistryError `INVALID_RECORD` naming the field. */
function parseTrust(raw: unknown, localId: string): Parsed<TrustRecord> {
  const record = readObject(raw, 'record')
  const ingesterId = readId(record.ingester_id, 'ingester_id')
  if (ingesterId !== localId) throw invalidField('ingester_id', 'must be the id of the record')
  if (isCarriedId(localId)) throw invalidField('ingester_id', 'must not begin with "carried:"')
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

/** The `versions` of a record that was read before, as a caller sent them. */
function readVersions(raw: unknown, now: string): Parsed<TrustRecord['versions']> {
  const stated = Object.entries(readObject(raw, 'versions'))
  if (stated.length > RECORD_LIMITS.keyVersions) {
    throw invalidField('versions', `must hold at most ${RECORD_LIMITS.keyVersions} keys`)
  }
  const ignored: string[] = []
  const versions = stated.map(([version, item]): [string, TrustKeyVersion] => {
    const field = `versions.${version.slice(0, 16)}`
    const { revoked_at: _, ...rest } = readObject(item, field)
    const times = { added: rest.added ?? now, ...revokedAt(readObject(item, field), now) }
    const parsed = readKeyVersion({ ...rest, ...times }, field, version)
    ignored.push(...parsed.ignored.map((name) => `${field}.${name}`))
    return [version, parsed.value]
  })
  return { value: Object.fromEntries(versions), ignored }
}

/** One key: `public_key`, `key_version`, `status`. */
function oneVersion(body: Readonly<Record<string, unknown>>, now: string): TrustRecord['versions'] {
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
