import { invalidField } from '../errors.ts'
import type { CarriedRecord } from '../types.ts'
import { type Parsed, readObject } from './fields.ts'

/**
 * Local ids of carried entries in `trust`: `carried:<hash of the entry>`. No statement about an ingester
 * may have such an id.
 */
const PREFIX = 'carried:'

/** So that it fits into an entry of its own beside the carrier's name, signature and links. */
const ENTRY_BYTES_LIMIT = 7 * 1024

const FIELDS = new Set(['epoch', 'entry'])

export function carriedId(hash: string): string {
  return PREFIX + hash
}

export function isCarriedId(localId: string): boolean {
  return localId.startsWith(PREFIX)
}

export function isCarriable(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.length <= ENTRY_BYTES_LIMIT
}

/**
 * Reads a carried entry: its shape alone. Whether its author signed what is in it is found out where it
 * is used, see epochs/carried-entries.ts. @throws RegistryError `INVALID_RECORD` naming the field.
 */
export function parseCarried(raw: unknown): Parsed<CarriedRecord> {
  const { epoch, entry, ...rest } = readObject(raw, 'record')
  if (typeof epoch !== 'number' || !Number.isInteger(epoch) || epoch < 0 || epoch > 999_999_999) {
    throw invalidField('epoch', 'must be the number of an epoch')
  }
  if (!(entry instanceof Uint8Array) || !isCarriable(entry)) {
    throw invalidField('entry', `must be 1 to ${ENTRY_BYTES_LIMIT} bytes`)
  }
  const ignored = Object.keys(rest).filter((field) => !FIELDS.has(field))
  return { value: { epoch, entry }, ignored: ignored.slice(0, 32) }
}
