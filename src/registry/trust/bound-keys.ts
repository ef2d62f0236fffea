import type { RegistryRecord, TrustKeyVersion, TrustRecord } from '../types.ts'
import { isBoundKey } from './key-binding.ts'

/** Those of a statement's keys that fit its ingester's ID. */
export interface BoundKeys {
  readonly keys: readonly TrustKeyVersion[]
  /** When the first of them was added, ms; Infinity for none. */
  readonly earliestMs: number
}

const known = new WeakMap<TrustRecord, BoundKeys>()

/**
 * Worked out once for each statement: a hash a key. All statements about one ingester are judged whenever one
 * of them changes, and anybody may state twenty keys of anything.
 */
export function boundKeysOf({ localId, value }: RegistryRecord<TrustRecord>): BoundKeys {
  const before = known.get(value)
  if (before !== undefined) return before
  const keys = Object.values(value.versions).filter((key) => isBoundKey(localId, key.public_key))
  const bound = { keys, earliestMs: Math.min(...keys.map(addedMs)) }
  known.set(value, bound)
  return bound
}

/** When its author says that the key was added; it stays when the statement is renewed. */
export function addedMs({ added }: TrustKeyVersion): number {
  const ms = Date.parse(added)
  // A zone such as +99:99 passes the entry rules; NaN would make the order depend on who asks.
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms
}
