import { invalidField } from '../errors.ts'
import type { StoreRecord } from '../types.ts'
import {
  type FieldReader,
  type Parsed,
  readFields,
  readId,
  readJson,
  readLabels,
  readObject,
  readScalar,
  readTexts,
  readTime,
} from './fields.ts'
import { withoutOurs } from './node.ts'
import type { RecordSchema } from './schema.ts'

const FIELDS: Readonly<Record<string, FieldReader>> = {
  store_id: readId,
  updated_at: readTime,
  iroh_node_id: readScalar,
  iroh_endpoint: readScalar,
  store_scope: readLabels,
  guardian_scope: readLabels,
  announce_address: readTexts,
  capabilities: readJson,
  source: readScalar,
  blob_count: readScalar,
}

/** What a store keeps, by scope; its local id is its `store_id`. */
export const storeSchema: RecordSchema<StoreRecord> = {
  timeFields: ['updated_at'],
  parse: parseStore,
  prepare: (raw, { localId, now }) => {
    const { body, ignored } = withoutOurs(raw, 'store_id', localId)
    const complete = {
      ...body,
      store_scope: body.store_scope ?? [],
      guardian_scope: body.guardian_scope ?? [],
      store_id: localId,
      updated_at: now,
    }
    const parsed = parseStore(complete, localId)
    return { value: parsed.value, ignored: [...ignored, ...parsed.ignored] }
  },
}

/** Reads a complete store record. @throws RegistryError `INVALID_RECORD` naming the field. */
function parseStore(raw: unknown, localId: string): Parsed<StoreRecord> {
  const { value, ignored } = readFields(readObject(raw, 'record'), FIELDS)
  const storeId = readId(value.store_id, 'store_id')
  if (storeId !== localId) throw invalidField('store_id', 'must be the id of the record')
  return {
    value: {
      ...value,
      store_id: storeId,
      store_scope: readLabels(value.store_scope, 'store_scope'),
      guardian_scope: readLabels(value.guardian_scope, 'guardian_scope'),
      updated_at: readTime(value.updated_at, 'updated_at'),
    },
    ignored,
  }
}
