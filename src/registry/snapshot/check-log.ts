import { verifySignature } from '../../identity/index.ts'
import { schemaOf } from '../records/index.ts'
import { hashOf } from '../store/entry-codec.ts'
import {
  type JudgedEntry,
  judgeEntry,
  type RuleContext,
  type Verdict,
} from '../store/entry-rules.ts'
import { logAddress, parseLogName } from './log-name.ts'

/**
 * The rules for one log's entries, from its name alone. @param nowMs entries from later than ten minutes
 * after it are early; infinity to have no opinion on that. Returns null for a name that is no log's.
 */
export function judgeOf(name: string, nowMs: number): ((bytes: Uint8Array) => Verdict) | null {
  const parsed = parseLogName(name)
  if (parsed === null) return null
  const context: RuleContext = {
    address: logAddress(name),
    schema: schemaOf(parsed.database),
    nowMs,
    verify: verifySignature,
  }
  return (bytes) => judgeEntry(bytes, context)
}

/** What is known of a block under its name before anything is made of it. */
export function isIntact(hash: string, bytes: Uint8Array): boolean {
  return hashOf(bytes) === hash
}

/** Those that the entry links to and `isHere` does not know. */
export function absentParents(
  { entry }: JudgedEntry,
  isHere: (hash: string) => boolean,
): readonly string[] {
  return [...entry.next, ...entry.refs].filter((hash) => !isHere(hash))
}
