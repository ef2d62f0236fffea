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
 * The authority that vouches for a station, by all vouches for it; null: none. Only an authority can
 * vouch, so a vouched station cannot pass its standing on; a vouch that one authority revoked is worth
 * nothing, whoever else vouches.
 */
export function voucherOf(
  authorities: ReadonlySet<string>,
  vouches: readonly Vouch[],
): string | null {
  const counting = vouches.filter(({ author }) => authorities.has(author))
  if (counting.some(({ value }) => value.status === 'revoked')) return null
  return counting.map(({ author }) => author).sort()[0] ?? null
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
