import type { RegistryRecord, RegistryView, TrustRecord, VouchRecord } from '../types.ts'
import { type JudgedIngester, judgeGoverned } from './governed.ts'
import { judgeVouches, readStanding, type Standing } from './standing.ts'
import type { KeyVersions, TrustDecisions, TrustPolicy, TrustStatement } from './types.ts'
import { judgeUngoverned } from './ungoverned.ts'

export interface TrustPolicyOptions {
  /** Peer IDs; none: every station speaks for its own ingesters. */
  readonly authorities: readonly string[]
  readonly ownPeerId: string
}

export interface TrustPolicyComponents {
  readonly view: Pick<RegistryView, 'allClaims' | 'revision' | 'ownerOf'>
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

/** Makes the policy. It holds what counts now, and nothing about what is no longer stated. */
export function createTrustPolicy(
  options: TrustPolicyOptions,
  components: TrustPolicyComponents,
): TrustPolicy {
  return new CachedTrustPolicy(options, components)
}

class CachedTrustPolicy implements TrustPolicy {
  readonly authorities: readonly string[]
  readonly ownPeerId: string
  readonly #view: TrustPolicyComponents['view']
  #revisions: readonly [trust: number, nodes: number] = [-1, -1]
  #standing: Standing
  #decided: ReadonlyMap<string, Decided> = new Map()
  #decisions: TrustDecisions = { keys: new Map(), localIds: [], vouched: new Map() }

  constructor(options: TrustPolicyOptions, { view }: TrustPolicyComponents) {
    this.authorities = [...new Set(options.authorities)].sort()
    this.ownPeerId = options.ownPeerId
    this.#view = view
    this.#standing = readStanding(this.authorities, [])
  }

  decide(): TrustDecisions {
    const [trust, nodes] = this.#revisions
    const now = [this.#view.revision('trust'), this.#view.revision('nodes')] as const
    const isStale = now[0] !== trust || (now[1] !== nodes && this.#hasOtherOwners())
    this.#revisions = now
    if (isStale) this.#decideAll()
    return this.#decisions
  }

  get isOwnWordForAll(): boolean {
    return this.authorities.includes(this.ownPeerId) || this.decide().vouched.has(this.ownPeerId)
  }

  statementsAbout(localId: string): readonly TrustStatement[] {
    this.decide()
    const decided = this.#decided.get(localId)
    if (decided === undefined) return []
    const { claims, owner } = decided
    const vouches = judgeVouches(claims.filter(isVouchClaim), this.#standing)
    return [...this.#judge(claims.filter(isKeyClaim), owner).explain(), ...vouches]
  }

  standsAgainstOwn(localId: string): string | null {
    if (this.isOwnWordForAll) return null
    const counting = this.statementsAbout(localId).find(
      ({ kind, counts, record }) => kind === 'keys' && counts && record.author !== this.ownPeerId,
    )
    return counting?.record.author ?? null
  }

  /** Nodes renew their records by the second, and hardly ever change hands. */
  #hasOtherOwners(): boolean {
    for (const [localId, { owner }] of this.#decided) {
      if (this.#ownerOf(localId) !== owner) return true
    }
    return false
  }

  #decideAll(): void {
    const all = this.#view.allClaims('trust')
    const groups = groupClaims(all)
    const standing = readStanding(this.authorities, all.filter(isVouchClaim))
    const known = hasSameVouches(standing, this.#standing) ? this.#decided : new Map()
    this.#standing = standing
    const decided = new Map<string, Decided>()
    const keys = new Map<string, KeyVersions>()
    let isSame = groups.size === known.size
    for (const [localId, claims] of groups) {
      const before = known.get(localId)
      const item = this.#decideOne(localId, claims, before)
      if (item !== before) isSame = false
      decided.set(localId, item)
      if (item.versions !== null) keys.set(localId, item.versions)
    }
    // The same object for the same outcome: what is made from it elsewhere is kept as well.
    if (isSame) return
    const { localIds } = this.#decisions
    const isSameIds = groups.size === localIds.length && localIds.every((id) => groups.has(id))
    this.#decided = decided
    this.#decisions = {
      keys,
      localIds: isSameIds ? localIds : [...groups.keys()].sort(),
      vouched: standing.vouched,
    }
  }

  #decideOne(
    localId: string,
    claims: readonly RegistryRecord[],
    before: Decided | undefined,
  ): Decided {
    const owner = this.#ownerOf(localId)
    const isSame = before?.owner === owner && isSameClaims(before.claims, claims)
    if (before !== undefined && isSame) return before
    const { versions } = this.#judge(claims.filter(isKeyClaim), owner)
    return { claims, owner, versions }
  }

  #ownerOf(localId: string): string | null {
    return this.authorities.length > 0 ? null : this.#view.ownerOf('nodes', localId)
  }

  #judge(claims: readonly KeyClaim[], owner: string | null): JudgedIngester {
    return this.authorities.length > 0
      ? judgeGoverned(claims, this.#standing)
      : judgeUngoverned(claims, { ownPeerId: this.ownPeerId, owner })
  }
}

function groupClaims(claims: readonly RegistryRecord[]): Map<string, RegistryRecord[]> {
  const groups = new Map<string, RegistryRecord[]>()
  for (const claim of claims) {
    const others = groups.get(claim.localId)
    if (others === undefined) groups.set(claim.localId, [claim])
    else others.push(claim)
  }
  for (const group of groups.values()) if (group.length > 1) group.sort(compareClaims)
  return groups
}

function compareClaims(a: RegistryRecord, b: RegistryRecord): number {
  if (a.author !== b.author) return a.author < b.author ? -1 : 1
  return a.entryHash < b.entryHash ? -1 : 1
}

function isKeyClaim(claim: RegistryRecord): claim is KeyClaim {
  return 'versions' in claim.value
}

function isVouchClaim(claim: RegistryRecord): claim is VouchClaim {
  return 'peer_id' in claim.value
}

function isSameClaims(a: readonly RegistryRecord[], b: readonly RegistryRecord[]): boolean {
  return a.length === b.length && a.every((claim, i) => claim.entryHash === b[i]?.entryHash)
}

function hasSameVouches(a: Standing, b: Standing): boolean {
  return (
    a.vouched.size === b.vouched.size &&
    [...a.vouched].every(([peerId, authority]) => b.vouched.get(peerId) === authority)
  )
}
