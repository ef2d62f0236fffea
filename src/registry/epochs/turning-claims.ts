import { asHeld, firstSince, isHeldSince } from '../claim.ts'
import { recordsBefore } from '../claim-choice.ts'
import type { KeptClaims } from '../kept-claims.ts'
import type { DatabaseName, RegistryRecord } from '../types.ts'

/** What an epoch's turn asks of the claims: those that would be gone, or weaker, without older logs. */
export class TurningClaims {
  readonly #kept: Pick<KeptClaims, 'of' | 'ownIds' | 'ownPeerId'>

  constructor(kept: Pick<KeptClaims, 'of' | 'ownIds' | 'ownPeerId'>) {
    this.#kept = kept
  }

  /** Our own current records that only logs before this epoch have. */
  ownBefore(epoch: number, database: DatabaseName): RegistryRecord[] {
    const claims = [...this.#kept.ownIds(database)].map((localId) =>
      this.#kept.of(database).by(localId, this.#kept.ownPeerId),
    )
    return recordsBefore(epoch, claims)
  }

  /**
   * Our own records that another station claims too, whose first put is in a log before this epoch:
   * without that log the other claim may be the earlier one.
   */
  ownOvertaken(
    epoch: number,
    database: DatabaseName,
  ): { record: RegistryRecord; firstMs: number }[] {
    const { ownPeerId } = this.#kept
    return [...this.#kept.ownIds(database)].flatMap((localId) => {
      const claims = this.#kept.of(database).of(localId)
      const own = claims.get(ownPeerId)
      if (own === undefined || own.record === null || claims.size === 1) return []
      const isLater = isHeldSince(own, epoch) && firstSince(own, epoch) > own.firstMs
      const isContested = [...claims.values()].some(
        ({ record }) => record !== null && record !== own.record,
      )
      return isLater && isContested ? [{ record: own.record, firstMs: own.firstMs }] : []
    })
  }

  /**
   * Current records of other authors that only logs before this epoch have, and null for every other claim, for
   * whoever lets others run in between; what comes meanwhile may show. Of previews nothing is known.
   */
  *foreignBefore(epoch: number, database: DatabaseName): Generator<RegistryRecord | null> {
    for (const claim of this.#kept.of(database).all()) {
      const isOwn = claim.record?.author === this.#kept.ownPeerId
      const held = isOwn ? null : asHeld(claim)
      yield held === null || isHeldSince(held, epoch) ? null : held.record
    }
  }
}
