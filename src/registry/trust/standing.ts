import type { RegistryView } from '../types.ts'
import { isVouchClaim, type Statements, type VouchClaim } from './statements.ts'
import type { VouchStatement } from './types.ts'

const VOUCH = 'vouch:'

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
function voucherOf(
  authorities: ReadonlySet<string>,
  vouches: readonly VouchClaim[],
): string | null {
  const counting = vouches.filter(({ author }) => authorities.has(author))
  if (counting.some(({ value }) => value.status === 'revoked')) return null
  return counting.map(({ author }) => author).sort()[0] ?? null
}

/** The stations that authorities vouch for, as of the last look at what is stated about each. */
export class VouchedStations {
  readonly #authorities: ReadonlySet<string>
  readonly #view: Pick<RegistryView, 'claimOf'>
  readonly #vouched = new Map<string, string>()

  constructor(authorities: ReadonlySet<string>, view: Pick<RegistryView, 'claimOf'>) {
    this.#authorities = authorities
    this.#view = view
  }

  /** Peer ID -> the authority that vouches for it; kept up, not copied. */
  get all(): ReadonlyMap<string, string> {
    return this.#vouched
  }

  /** @returns the station that has another standing than before; null for none. */
  look(localId: string): string | null {
    if (this.#authorities.size === 0 || !localId.startsWith(VOUCH)) return null
    const peerId = localId.slice(VOUCH.length)
    const vouches = [...this.#authorities].map((author) =>
      this.#view.claimOf('trust', localId, author),
    )
    const voucher = voucherOf(this.#authorities, vouches.filter(isVouchClaim))
    if (voucher === (this.#vouched.get(peerId) ?? null)) return null
    if (voucher === null) this.#vouched.delete(peerId)
    else this.#vouched.set(peerId, voucher)
    return peerId
  }
}

/**
 * Some vouches for one station, judged.
 * @param statements all of them
 */
export function judgeVouches(
  vouches: readonly VouchClaim[],
  statements: Pick<Statements, 'by'>,
  standing: Standing,
): VouchStatement[] {
  const revokers = [...standing.authorities].filter((authority) => {
    const vouch = statements.by(authority)
    return isVouchClaim(vouch) && vouch.value.status === 'revoked'
  })
  const [revoker] = revokers.sort()
  return vouches.map((record) => {
    const { author, value } = record
    if (!standing.authorities.has(author)) {
      return { kind: 'vouch', record, counts: false, reason: 'not-authority', by: null }
    }
    if (value.status === 'active' && revoker !== undefined) {
      return { kind: 'vouch', record, counts: false, reason: 'withdrawn', by: revoker }
    }
    return { kind: 'vouch', record, counts: true, reason: 'authority', by: null }
  })
}
