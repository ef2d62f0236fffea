/**
 * The four kinds of record: how each is parsed, completed and merged. Pure; the same bytes give the
 * same verdict on every node, because these parsers are part of the entry rules (`RULES_VERSION`).
 */
import type { DatabaseName } from '../types.ts'
import { attestationSchema } from './attestation.ts'
import { nodeSchema } from './node.ts'
import type { RecordSchema } from './schema.ts'
import { storeSchema } from './store.ts'
import { trustSchema } from './trust.ts'

export const DATABASE_NAMES: readonly DatabaseName[] = ['nodes', 'trust', 'stores', 'attestations']

const SCHEMAS = {
  nodes: nodeSchema,
  trust: trustSchema,
  stores: storeSchema,
  attestations: attestationSchema,
} as const

/** The schema of a database. */
export function schemaOf(database: DatabaseName): RecordSchema {
  // Each schema reads its own kind of record only; the caller pairs it with the same database.
  return SCHEMAS[database] as RecordSchema
}
