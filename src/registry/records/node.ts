import { invalidField } from '../errors.ts'
import type { NodeRecord } from '../types.ts'
import {
  type FieldReader,
  type Parsed,
  type PlainObject,
  readFields,
  readId,
  readJson,
  readNullableLabels,
  readObject,
  readScalar,
  readTexts,
  readTime,
} from './fields.ts'
import type { RecordSchema } from './schema.ts'

const FIELDS: Readonly<Record<string, FieldReader>> = {
  ingester_id: readId,
  updated_at: readTime,
  node_name: readScalar,
  regions: readNullableLabels,
  version: readScalar,
  uptime: readScalar,
  zenoh_endpoint: readScalar,
  zenoh_endpoint_lan: readScalar,
  zenoh_proxy: readScalar,
  iroh_node_id: readScalar,
  iroh_endpoint: readScalar,
  iroh_address: readScalar,
  iroh_quic_port: readScalar,
  archive_replicator_port: readScalar,
  iroh_sidecar_port: readScalar,
  iroh_relay_urls: readTexts,
  announce_address: readTexts,
  guardian_scope: readNullableLabels,
  store_scope: readNullableLabels,
  capabilities: readJson,
  source: readScalar,
  type: readScalar,
  public_key: readScalar,
  key_version: readScalar,
}

/** The record of a station or an ingester; its local id is its `ingester_id`. */
export const nodeSchema: RecordSchema<NodeRecord> = {
  timeFields: ['updated_at'],
  parse: parseNode,
  prepare: (raw, { localId, now }) => {
    const { body, ignored } = withoutOurs(raw, 'ingester_id', localId)
    const parsed = parseNode({ ...body, ingester_id: localId, updated_at: now }, localId)
    return { value: parsed.value, ignored: [...ignored, ...parsed.ignored] }
  },
}

/** Reads a complete node record. @throws RegistryError `INVALID_RECORD` naming the field. */
function parseNode(raw: unknown, localId: string): Parsed<NodeRecord> {
  const { value, ignored } = readFields(readObject(raw, 'record'), FIELDS)
  const ingesterId = readId(value.ingester_id, 'ingester_id')
  if (ingesterId !== localId) throw invalidField('ingester_id', 'must be the id of the record')
  return {
    value: {
      ...value,
      ingester_id: ingesterId,
      updated_at: readTime(value.updated_at, 'updated_at'),
    },
    ignored,
  }
}

/**
 * Drops what the registry itself writes. The path names the record, so an id in the body that says
 * otherwise is reported as ignored.
 */
export function withoutOurs(
  raw: unknown,
  idField: string,
  localId: string,
): { body: PlainObject; ignored: string[] } {
  const { _id, updated_at: _, [idField]: givenId, ...body } = readObject(raw, 'record')
  const isOther = givenId !== undefined && givenId !== null && givenId !== localId
  return { body, ignored: isOther ? [idField] : [] }
}
