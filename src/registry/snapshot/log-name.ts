import { DATABASE_TYPE, RULES_VERSION } from '../constants.ts'
import { DATABASE_NAMES } from '../records/index.ts'
import { encodeValue, hashOf } from '../store/entry-codec.ts'
import type { DatabaseName } from '../types.ts'

export interface LogName {
  readonly network: string
  readonly database: DatabaseName
  readonly rules: number
  /** null for a log whose name carries none. */
  readonly epoch: number | null
}

const NAME = /^(.{1,128})\.([a-z]{1,32})\.v([1-9][0-9]{0,5})(?:\.e(0|[1-9][0-9]{0,8}))?$/

/** Reads `<network>.<database>.v<rules>[.e<epoch>]`. @returns null for any other text. */
export function parseLogName(name: string): LogName | null {
  const [, network, kind, rules, epoch] = NAME.exec(name) ?? []
  const database = DATABASE_NAMES.find((known) => known === kind)
  if (network === undefined || database === undefined) return null
  return {
    network,
    database,
    rules: Number(rules),
    epoch: epoch === undefined ? null : Number(epoch),
  }
}

/** The manifest that OrbitDB makes of a log's name; its hash is the log's address. */
export function logManifest(name: string): Uint8Array {
  const accessController = `/wesense-rules/${RULES_VERSION}`
  return encodeValue({ name, type: DATABASE_TYPE, accessController })
}

/** `/orbitdb/<cid>`: it follows from the name alone. */
export function logAddress(name: string): string {
  return `/orbitdb/${hashOf(logManifest(name))}`
}

/** The name in such a manifest, or null for any other block. */
export function nameInManifest(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null
  if (!('name' in value) || !('type' in value) || value.type !== DATABASE_TYPE) return null
  return typeof value.name === 'string' ? value.name : null
}
