import { verifySignature } from '../../identity/index.ts'
import { isPlainObject } from '../records/fields.ts'
import { trustSchema } from '../records/trust.ts'
import { decodeValue } from '../store/entry-codec.ts'
import { judgeEntry, type RejectionReason } from '../store/entry-rules.ts'
import type { RecordValue } from '../types.ts'

export type VerifiedStatement =
  | {
      readonly isValid: true
      /** Peer ID of who signed it. */
      readonly author: string
      readonly entryHash: string
      /** An ingester ID, or `vouch:<peer ID>`. */
      readonly localId: string
      /** null: its author deleted what it stated. */
      readonly value: RecordValue | null
      readonly clockMs: number
      /** `/orbitdb/<cid>` of the log it was written to, which the signature covers. */
      readonly log: string
    }
  | { readonly isValid: false; readonly reason: RejectionReason }

/**
 * Judges a signed entry of a `trust` log from its bytes alone: no network, no stores, no registry. The
 * key that signed is the author's peer ID. Whether its author is to be believed is not decided here.
 */
export function verifyTrustEntry(bytes: Uint8Array): VerifiedStatement {
  const verdict = judgeEntry(bytes, {
    // Which log it belongs to is what it says of itself; that is under the signature as well.
    address: addressIn(bytes),
    schema: trustSchema,
    // A clock says when, and offline nobody knows what time it was where the entry was taken in.
    nowMs: Number.MAX_SAFE_INTEGER,
    verify: verifySignature,
  })
  if (!verdict.isAccepted) return { isValid: false, reason: verdict.reason }
  const { entry, localId } = verdict
  const { key: author, hash: entryHash, id: log, clock, payload } = entry
  return {
    isValid: true,
    author,
    entryHash,
    localId,
    value: payload.value,
    clockMs: clock.time,
    log,
  }
}

function addressIn(bytes: Uint8Array): string {
  try {
    const raw = decodeValue(bytes)
    return isPlainObject(raw) && typeof raw.id === 'string' ? raw.id : ''
  } catch {
    return ''
  }
}
