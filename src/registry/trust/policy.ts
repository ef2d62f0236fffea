import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { RegistryRecord, RegistryView, TrustRecord, VouchRecord } from '../types.ts'
import { type JudgedIngester, judgeGoverned } from './governed.ts'
import { SortedIds } from './sorted-ids.ts'
import { judgeVouches, voucherOf } from './standing.ts'
import type { KeyVersions, TrustDecisions, TrustPolicy, TrustStatement } from './types.ts'
import { judgeUngoverned } from './ungoverned.ts'

export interface TrustPolicyOptions {
  /** Peer IDs; none: every station speaks for its own ingesters. */
  readonly authorities: readonly string[]
  readonly ownPeerId: string
}

export interface TrustPolicyComponents {
  readonly view: Pick<
    RegistryView,
    'allClaims' | 'claims' | 'revision' | 'changedSince' | 'ownerOf'
  >
}

type KeyClaim = RegistryRecord<TrustRecord>
type VouchClaim = RegistryRecord<VouchRecord>

/** What counts under one local ID, and what that was decided by. */
interface Decided {
  /** By author, so that it does not matter who heard what first. */
  readonly claims: readonly RegistryRecord[]
  /** The station that registered the ingester; null with authorities, where that decides nothing. */
  readonly owner: string | null
  readonly versions: KeyVersions | null
}

/** Keys that are judged in one go: some milliseconds. */
const JUDGED_AT_ONCE = 2048
/** What a local ID takes beside its keys, as so many of them. */
const PER_ID = 8

/** Makes the policy. It holds what counts now, and nothing about what is no longer stated. */
export function createTrustPolicy(
  options: TrustPolicyOptions,
  components: TrustPolicyComponents,
): TrustPolicy {
  return new CachedTrustPolicy(options, components)
}

/** Judges what changed since it was asked last, some hundreds of IDs at a time. */
class CachedTrustPolicy implements TrustPolicy {
  readonly authorities: readonly string[]
  readonly ownPeerId: string
  readonly #known: ReadonlySet<string>
  readonly #view: TrustPolicyComponents['view']
  readonly #revisions = { trust: -1, nodes: -1 }
  readonly #decided = new Map<string, Decided>()
  readonly #ids = new SortedIds()
  readonly #keys = new Map<string, KeyVersions>()
  readonly #vouched = new Map<string, string>()
  /** Local IDs to be judged. */
  readonly #pending = new Set<string>()
  #settling: Promise<void> | null = null
  #hasChanged = false
  #decisions: TrustDecisions

  constructor(options: TrustPolicyOptions, { view }: TrustPolicyComponents) {
    this.authorities = [...new Set(options.authorities)].sort()
    this.ownPeerId = options.ownPeerId
    this.#known = new Set(this.authorities)
    this.#view = view
    this.#decisions = { keys: this.#keys, localIds: [], vouched: this.#vouched }
  }

  decide(): TrustDecisions {
    this.#noteChanges()
    // What is left is judged before long, and nobody waits for it here.
    if (!this.#judgeSome()) void this.settle()
    return this.#publish()
  }

  settle(): Promise<void> {
    this.#settling ??= this.#judgeAll().finally(() => {
      this.#settling = null
    })
    return this.#settling
  }

  get isOwnWordForAll(): boolean {
    this.decide()
    return this.#known.has(this.ownPeerId) || this.#vouched.has(this.ownPeerId)
  }

  statementsAbout(localId: string, author?: string): readonly TrustStatement[] {
    this.#noteChanges()
    if (this.#pending.has(localId)) this.#judge(localId)
    const decided = this.#decided.get(localId)
    if (decided === undefined) return []
    const { claims, owner } = decided
    const isWanted = (claim: RegistryRecord) => author === undefined || claim.author === author
    const keys = this.#judgeKeys(claims.filter(isKeyClaim), owner).explain(isWanted)
    const vouches = judgeVouches(claims.filter(isVouchClaim), this.#standing)
    return [...keys, ...vouches.filter(({ record }) => isWanted(record))]
  }

  standsAgainstOwn(localId: string): string | null {
    if (this.isOwnWordForAll) return null
    const counting = this.statementsAbout(localId).find(
      ({ kind, counts, record }) => kind === 'keys' && counts && record.author !== this.ownPeerId,
    )
    return counting?.record.author ?? null
  }

  get #standing() {
    return { authorities: this.#known, vouched: this.#vouched }
  }

  async #judgeAll(): Promise<void> {
    for (;;) {
      this.#noteChanges()
      if (this.#judgeSome()) return
      await yieldToLoop()
    }
  }

  /** Asks the view whose claims are others than before. */
  #noteChanges(): void {
    const trust = this.#view.revision('trust')
    if (trust !== this.#revisions.trust) {
      const changed = this.#view.changedSince('trust', this.#revisions.trust)
      this.#revisions.trust = trust
      this.#note(changed ?? this.#allIds())
    }
    const nodes = this.#view.revision('nodes')
    if (nodes === this.#revisions.nodes || this.authorities.length > 0) return
    const changed = this.#view.changedSince('nodes', this.#revisions.nodes)
    this.#revisions.nodes = nodes
    // Nodes renew their records by the second, and hardly ever change hands.
    for (const localId of changed ?? this.#decided.keys()) {
      const decided = this.#decided.get(localId)
      if (decided !== undefined && this.#ownerOf(localId) !== decided.owner) {
        this.#pending.add(localId)
      }
    }
  }

  /** Also what nothing is stated about any more. */
  *#allIds(): Generator<string> {
    yield* [...this.#pending]
    yield* [...this.#decided.keys()]
    for (const { localId } of this.#view.allClaims('trust')) yield localId
  }

  /** Vouches are read at once: what their stations state depends on them. */
  #note(localIds: Iterable<string>): void {
    const stations = new Set<string>()
    for (const localId of localIds) {
      this.#pending.add(localId)
      const peerId = this.authorities.length > 0 ? vouchedIn(localId) : null
      if (peerId !== null && this.#readVouches(localId, peerId)) stations.add(peerId)
    }
    if (stations.size === 0) return
    this.#hasChanged = true
    for (const [localId, decided] of this.#decided) {
      if (!decided.claims.some(({ author }) => stations.has(author))) continue
      // Judged again, though nothing new is stated.
      this.#decided.set(localId, { ...decided, claims: [] })
      this.#pending.add(localId)
    }
  }

  /** @returns whether the station has another standing than before. */
  #readVouches(localId: string, peerId: string): boolean {
    const before = this.#vouched.get(peerId) ?? null
    const voucher = voucherOf(this.#known, this.#view.claims<VouchRecord>('trust', localId))
    if (voucher === null) this.#vouched.delete(peerId)
    else this.#vouched.set(peerId, voucher)
    return voucher !== before
  }

  /** @returns whether all is judged. */
  #judgeSome(): boolean {
    let left = JUDGED_AT_ONCE
    for (const localId of this.#pending) {
      if (left <= 0) return false
      left -= this.#judge(localId)
    }
    return true
  }

  /** @returns how much it was, as `JUDGED_AT_ONCE` counts. */
  #judge(localId: string): number {
    this.#pending.delete(localId)
    const claims = this.#view.claims('trust', localId)
    const work = PER_ID + claims.reduce((sum, claim) => sum + keyCount(claim), 0)
    if (claims.length > 1) claims.sort(compareClaims)
    const before = this.#decided.get(localId)
    const owner = this.#ownerOf(localId)
    if (claims.length === 0) {
      if (before === undefined) return work
      this.#decided.delete(localId)
      this.#ids.delete(localId)
      this.#keys.delete(localId)
      this.#hasChanged = true
      return work
    }
    if (before?.owner === owner && isSameClaims(before.claims, claims)) return work
    const { versions } = this.#judgeKeys(claims.filter(isKeyClaim), owner)
    this.#decided.set(localId, { claims, owner, versions })
    if (before === undefined) this.#ids.add(localId)
    if (versions === null) this.#keys.delete(localId)
    else this.#keys.set(localId, versions)
    this.#hasChanged = true
    return work
  }

  /** The same object for the same outcome: what is made from it elsewhere is kept as well. */
  #publish(): TrustDecisions {
    if (!this.#hasChanged) return this.#decisions
    this.#hasChanged = false
    this.#decisions = { keys: this.#keys, localIds: this.#ids.sorted(), vouched: this.#vouched }
    return this.#decisions
  }

  #ownerOf(localId: string): string | null {
    return this.authorities.length > 0 ? null : this.#view.ownerOf('nodes', localId)
  }

  #judgeKeys(claims: readonly KeyClaim[], owner: string | null): JudgedIngester {
    return this.authorities.length > 0
      ? judgeGoverned(claims, this.#standing)
      : judgeUngoverned(claims, { ownPeerId: this.ownPeerId, owner })
  }
}

function vouchedIn(localId: string): string | null {
  return localId.startsWith('vouch:') ? localId.slice('vouch:'.length) : null
}

function compareClaims(a: RegistryRecord, b: RegistryRecord): number {
  if (a.author !== b.author) return a.author < b.author ? -1 : 1
  return a.entryHash < b.entryHash ? -1 : 1
}

function isKeyClaim(claim: RegistryRecord): claim is KeyClaim {
  return 'versions' in claim.value
}

function keyCount(claim: RegistryRecord): number {
  return isKeyClaim(claim) ? Object.keys(claim.value.versions).length : 1
}

function isVouchClaim(claim: RegistryRecord): claim is VouchClaim {
  return 'peer_id' in claim.value
}

function isSameClaims(a: readonly RegistryRecord[], b: readonly RegistryRecord[]): boolean {
  return a.length === b.length && a.every((claim, i) => claim.entryHash === b[i]?.entryHash)
}
