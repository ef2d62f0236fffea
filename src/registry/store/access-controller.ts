import type { OrbitAccess, OrbitEntry } from '@orbitdb/core'
import { RULES_VERSION } from '../constants.ts'
import { encodeValue } from './entry-codec.ts'
import type { Verdict, VerifiedEntry } from './entry-rules.ts'

const TYPE = 'wesense-rules'

export interface AccessComponents {
  /** True for an entry that is in the log; it passed the rules when it joined. */
  isJoined(hash: string): boolean
  judge(bytes: Uint8Array): Verdict
}

/**
 * The entry rules as OrbitDB's access controller. Everything is judged before it gets here; this is
 * the last gate, so that no code path can join an entry that the rules refuse. Its address is a
 * constant: there is no manifest to store or fetch.
 */
export function createAccessController(components: AccessComponents): OrbitAccess {
  return {
    type: TYPE,
    address: `/${TYPE}/${RULES_VERSION}`,
    canAppend: async (entry) => {
      // A parent is asked about again with each child (log.js of @orbitdb/core 4.0.0 filters with an
      // async function), and its clock must not be judged by a wall clock that was set back since.
      if (entry.hash !== undefined && components.isJoined(entry.hash)) return true
      const verdict = components.judge(encodeValue(withoutHash(entry)))
      return verdict.isAccepted && isSameHash(entry, verdict.entry)
    },
  }
}

function withoutHash(entry: OrbitEntry): Omit<OrbitEntry, 'hash'> {
  const { hash: _, ...fields } = entry
  return fields
}

function isSameHash(entry: OrbitEntry, verified: VerifiedEntry): boolean {
  return entry.hash === undefined || entry.hash === verified.hash
}
