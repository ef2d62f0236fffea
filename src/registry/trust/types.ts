/** Shapes of the trust policy that the rest of the node sees. */
import type { RegistryRecord, TrustKeyVersion, TrustRecord, VouchRecord } from '../types.ts'

/**
 * Why a key or a vouch counts:
 * - `authority`: an authority states it. `vouched`: a station states it that an authority vouches for.
 * - `own-station`: this station states it. `owner`: the station states it that registered the ingester.
 * - `derived-id`: the ingester's ID is made from this key, and nobody registered the ingester.
 * - `first`: nobody registered the ingester, and this station stated its keys first.
 */
export type CountingReason =
  | 'authority'
  | 'vouched'
  | 'own-station'
  | 'owner'
  | 'derived-id'
  | 'first'

/**
 * Why a key or a vouch does not count:
 * - `key-mismatch`: the ingester's ID is made from another key.
 * - `not-vouched`: authorities are set, and its author is none and has nobody's vouch.
 * - `not-owner`: another station registered the ingester. `not-first`: another stated its keys before.
 * - `other-key`: this version is another key, by a statement that goes before.
 * - `revoked`: it calls a key active that was revoked by a statement that counts.
 * - `not-authority`: a vouch of who is no authority. `withdrawn`: a vouch for a station of which another
 *   authority revoked its own.
 */
export type DismissingReason =
  | 'key-mismatch'
  | 'not-vouched'
  | 'not-owner'
  | 'not-first'
  | 'other-key'
  | 'revoked'
  | 'not-authority'
  | 'withdrawn'

export interface Verdict {
  readonly counts: boolean
  readonly reason: CountingReason | DismissingReason
  /** Peer ID of the station whose word decided, where it is not the author's own; else null. */
  readonly by: string | null
}

/** One key version of one statement, and whether it counts. */
export interface KeyVerdict extends Verdict {
  readonly version: string
  readonly key: TrustKeyVersion
}

/** What one station says about one ingester's keys. */
export interface KeyStatement {
  readonly kind: 'keys'
  readonly record: RegistryRecord<TrustRecord>
  /** Whether any of its keys counts. */
  readonly counts: boolean
  readonly keys: readonly KeyVerdict[]
}

/** What one station says about another. */
export interface VouchStatement extends Verdict {
  readonly kind: 'vouch'
  readonly record: RegistryRecord<VouchRecord>
}

export type TrustStatement = KeyStatement | VouchStatement

export type KeyVersions = TrustRecord['versions']

/** What counts. The same object until something changes; its maps are kept up, not copied. */
export interface TrustDecisions {
  /** Ingester ID -> the keys that count, revoked ones included. */
  readonly keys: ReadonlyMap<string, KeyVersions>
  /** Local IDs that any statement is about, sorted: ingester IDs, and `vouch:<peer ID>`. */
  readonly localIds: readonly string[]
  /** Peer ID -> the authority that vouches for it. */
  readonly vouched: ReadonlyMap<string, string>
}

/**
 * Decides which keys count. It reads what is in memory, costs next to nothing while that stays, and is never
 * long at it: some hundreds of changes are judged in one go.
 */
export interface TrustPolicy {
  /** Peer IDs, sorted; empty when no authority is set. */
  readonly authorities: readonly string[]
  readonly ownPeerId: string
  /** Whether this station's word about anyone's ingesters counts: an authority, or vouched for. */
  readonly isOwnWordForAll: boolean
  /** What counts now; after more changes than are judged in one go, what counted before some of them. */
  decide(): TrustDecisions
  /** Resolves when all that is stated has been judged, with turns of the event loop in between. */
  settle(): Promise<void>
  /**
   * Every statement about this ingester, or with its local ID `vouch:<peer ID>`, judged; by author.
   * @param author whose statements are wanted. @default everybody's, of which strangers can make thousands
   */
  statementsAbout(localId: string, author?: string): readonly TrustStatement[]
  /**
   * The station whose counting statement keeps this one from making a first statement of its own; null
   * when nothing does: vouches, and statements of who may speak for anyone's ingesters.
   */
  standsAgainstOwn(localId: string): string | null
}
