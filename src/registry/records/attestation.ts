import { invalidField } from '../errors.ts'
import type { AttestationRecord } from '../types.ts'
import { type Parsed, readFields, readId, readObject, readText, readTime } from './fields.ts'
import type { RecordSchema } from './schema.ts'

const FIELDS = {
  manifest_hash: readId,
  ingester_id: readId,
  signature: readText,
  iroh_blake3_hash: readText,
  path: readText,
  attested_at: readTime,
} as const

/** One ingester's word on one manifest; its local id is `<manifest_hash>,<ingester_id>`. */
export const attestationSchema: RecordSchema<AttestationRecord> = {
  timeFields: ['attested_at'],
  parse: parseAttestation,
  prepare: (raw, { localId, now }) => {
    const { _id, updated_at: _, ...body } = readObject(raw, 'record')
    const complete = {
      ...body,
      iroh_blake3_hash: body.iroh_blake3_hash ?? '',
      path: body.path ?? '',
      attested_at: now,
    }
    return parseAttestation(complete, localId)
  },
}

/** Reads a complete attestation. @throws RegistryError `INVALID_RECORD` naming the field. */
function parseAttestation(raw: unknown, localId: string): Parsed<AttestationRecord> {
  const { value, ignored } = readFields(readObject(raw, 'record'), FIELDS)
  const record: AttestationRecord = {
    manifest_hash: readId(value.manifest_hash, 'manifest_hash'),
    ingester_id: readId(value.ingester_id, 'ingester_id'),
    signature: readText(value.signature, 'signature'),
    iroh_blake3_hash: readText(value.iroh_blake3_hash, 'iroh_blake3_hash'),
    path: readText(value.path, 'path'),
    attested_at: readTime(value.attested_at, 'attested_at'),
  }
  if (record.signature === '') throw invalidField('signature', 'must not be empty')
  if (attestationId(record.manifest_hash, record.ingester_id) !== localId) {
    throw invalidField('manifest_hash', 'and ingester_id must make up the id of the record')
  }
  return { value: record, ignored }
}

/** The local id of an attestation. No id has a comma, so no two attestations share one. */
function attestationId(manifestHash: string, ingesterId: string): string {
  return `${manifestHash},${ingesterId}`
}
