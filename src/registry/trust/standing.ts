import type { RegistryRecord, VouchRecord } from '../types.ts'
import type { VouchStatement } from './types.ts'

type Vouch = RegistryRecord<VouchRecord>

/** Who may speak for anyone's ingesters. */
export interface Standing {
  readonly authorities: ReadonlySet<string>
  /** Peer ID -> the authority that vouches for it; of several the smallest. */
  readonly vouched: ReadonlyMap<string, string>
}

/**
 * Reads the authorities' vouches. Only an authority can vouch, so a vouched station cannot pass its
 * standing on; a vouch that one authority revoked is worth nothing, whoever else vouches.
 */
export function readStanding(authorities: readonly string[], vouches: readonly Vouch[]): Standing {
  const known = new Set(authorities)
  const vouched = new Map<string, string>()
  const revoked = new Set<string>()
  for (const { author, value } of vouches) {
    if (!known.has(author)) continue
    if (value.status === 'revoked') revoked.add(value.peer_id)
    const other = vouched.get(value.peer_id)
    if (other === undefined || author < other) vouched.set(value.peer_id, author)
  }
  for (const peerId of revoked) vouched.delete(peerId)
  return { authorities: known, vouched }
}

/** All vouches for one station, judged. */
export function judgeVouches(vouches: readonly Vouch[], standing: Standing): VouchStatement[] {
  const revokers = vouches
    .filter(({ author, value }) => value.status === 'revoked' && standing.authorities.has(author))
    .map(({ author }) => author)
    .sort()
  return vouches.map((record) => {
    const { author, value } = record
    if (!standing.authorities.has(author)) {
      return { kind: 'vouch', record, counts: false, reason: 'not-authority', by: null }
    }
    if (value.status === 'active' && revokers[0] !== undefined) {
      return { kind: 'vouch', record, counts: false, reason: 'withdrawn', by: revokers[0] }
    }
    return { kind: 'vouch', record, counts: true, reason: 'authority', by: null }
  })
}
