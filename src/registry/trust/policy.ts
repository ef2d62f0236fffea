import { setImmediate as yieldToLoop } from 'node:timers/promises'

import type { RegistryView } from '../types.ts'
import { explain, otherThatCounts } from './explain.ts'
import { type JudgedIngester, judgeGoverned } from './governed.ts'
import { SortedIds } from './sorted-ids.ts'
import { VouchedStations } from './standing.ts'
import { Stated, type StatedComponents, type StatedOptions } from './stated.ts'
import { isOfAny, type Statements } from './statements.ts'
import type { KeyVersions, TrustDecisions, TrustPolicy, TrustStatement } from './types.ts'
import { judgeUngoverned } from './ungoverned.ts'

export interface TrustPolicyOptions extends StatedOptions {
  /** Peer IDs; none: every station speaks for its own ingesters. */
  readonly authorities: readonly string[]
  readonly ownPeerId: string
  /** Keys that are judged in one go. @default 2048: some milliseconds */
  readonly atOnce?: number
}

export interface TrustPolicyComponents {
  readonly view: StatedComponents['view'] &
    Pick<RegistryView, 'revision' | 'changedSince' | 'changedClaims' | 'ownerOf'>
}

/** What was decided by what under one local ID. */
interface Decided {
  readonly statements: Statements
  /** Of the statements; -1 for what is to be judged again though nothing new is stated. */
  readonly revision: number
  /** The station that registered the ingester; null with authorities, where that decides nothing. */
  readonly owner: string | null
}

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
  readonly #atOnce: number
  readonly #view: TrustPolicyComponents['view']
  readonly #stated: Stated
  readonly #revisions = { trust: -1, nodes: -1 }
  readonly #decided = new Map<string, Decided>()
  readonly #ids = new SortedIds()
  readonly #keys = new Map<string, KeyVersions>()
  readonly #vouched: VouchedStations
  /** Local IDs to be judged. */
  readonly #pending = new Set<string>()
  /** Those to be noted as such, of which there are too many to do so in one go. */
  #unnoted: Iterator<string> | null = null
  #settling: Promise<void> | null = null
  #hasChanged = false
  #decisions: TrustDecisions

  constructor(options: TrustPolicyOptions, { view }: TrustPolicyComponents) {
    this.authorities = [...new Set(options.authorities)].sort()
    this.ownPeerId = options.ownPeerId
    this.#known = new Set(this.authorities)
    this.#atOnce = options.atOnce ?? JUDGED_AT_ONCE
    this.#view = view
    this.#stated = new Stated(options, { view })
    this.#vouched = new VouchedStations(this.#known, view)
    this.#decisions = { keys: this.#keys, localIds: [], vouched: this.#vouched.all }
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
    return this.#known.has(this.ownPeerId) || this.#vouched.all.has(this.ownPeerId)
  }

  statementsAbout(localId: string, author?: string): readonly TrustStatement[] {
    const decided = this.#decidedNow(localId)
    if (decided === null) return []
    return explain(decided.statements, this.#judgeKeys(decided), this.#standing, author)
  }

  standsAgainstOwn(localId: string): string | null {
    if (this.isOwnWordForAll) return null
    const decided = this.#decidedNow(localId)
    return decided === null ? null : otherThatCounts(this.#judgeKeys(decided), this.ownPeerId)
  }

  /** By all that is stated, judged or not. */
  #decidedNow(localId: string): Decided | null {
    this.#noteChanges()
    this.#noteRest(Number.POSITIVE_INFINITY)
    if (this.#pending.has(localId)) this.#judge(localId, Number.POSITIVE_INFINITY)
    return this.#decided.get(localId) ?? null
  }

  get #standing() {
    return { authorities: this.#known, vouched: this.#vouched.all }
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
      const changed = this.#view.changedClaims('trust', this.#revisions.trust)
      this.#revisions.trust = trust
      if (changed === null) this.#unnoted = this.#everything()
      else this.#note(changed)
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

  /** Also what nothing is stated about any more; what comes and goes meanwhile is told of anyhow. */
  *#everything(): Generator<string> {
    yield* this.#pending
    yield* this.#decided.keys()
    yield* this.#stated.localIds()
  }

  /** @returns how many were left to be noted; as many as `limit` when there may be more. */
  #noteRest(limit: number): number {
    const noted = new Map<string, null>()
    let count = 0
    for (; this.#unnoted !== null && count < limit; count += 1) {
      const next = this.#unnoted.next()
      if (next.done === true) this.#unnoted = null
      else noted.set(next.value, null)
    }
    this.#note(noted)
    return count
  }

  /** Vouches are read at once: what their stations state depends on them. */
  #note(changed: ReadonlyMap<string, Iterable<string> | null>): void {
    const stations = new Set<string>()
    for (const [localId, authors] of changed) {
      this.#stated.note(localId, authors)
      this.#pending.add(localId)
      const station = this.#vouched.look(localId)
      if (station !== null) stations.add(station)
    }
    if (stations.size === 0) return
    this.#hasChanged = true
    for (const [localId, decided] of this.#decided) {
      if (!isOfAny(stations, decided.statements)) continue
      this.#decided.set(localId, { ...decided, revision: -1 })
      this.#pending.add(localId)
    }
  }

  /** @returns whether all is judged. */
  #judgeSome(): boolean {
    let left = this.#atOnce - this.#noteRest(this.#atOnce)
    for (const localId of this.#pending) {
      if (left <= 0) return false
      left -= this.#judge(localId, left)
    }
    return this.#pending.size === 0 && this.#unnoted === null
  }

  /** @param limit beyond which it is gone on with later @returns how much it was, in keys */
  #judge(localId: string, limit: number): number {
    const before = this.#decided.get(localId)
    const { statements, cost } = this.#stated.read(localId, before?.statements ?? null, limit)
    if (statements === null) return cost
    this.#pending.delete(localId)
    const { revision, size } = statements
    const decided = { statements, revision, owner: this.#ownerOf(localId) }
    if (size === 0) this.#forget(localId)
    else if (before === undefined || !isSame(before, decided)) this.#decide(localId, decided)
    return cost + PER_ID
  }

  #decide(localId: string, decided: Decided): void {
    const { versions } = this.#judgeKeys(decided)
    this.#decided.set(localId, decided)
    this.#ids.add(localId)
    if (versions === null) this.#keys.delete(localId)
    else this.#keys.set(localId, versions)
    this.#hasChanged = true
  }

  #forget(localId: string): void {
    if (!this.#decided.delete(localId)) return
    this.#ids.delete(localId)
    this.#keys.delete(localId)
    this.#hasChanged = true
  }

  /** The same object for the same outcome: what is made from it elsewhere is kept as well. */
  #publish(): TrustDecisions {
    if (!this.#hasChanged) return this.#decisions
    this.#hasChanged = false
    this.#decisions = { keys: this.#keys, localIds: this.#ids.sorted(), vouched: this.#vouched.all }
    return this.#decisions
  }

  #ownerOf(localId: string): string | null {
    return this.authorities.length > 0 ? null : this.#view.ownerOf('nodes', localId)
  }

  #judgeKeys({ statements, owner }: Decided): JudgedIngester {
    return this.authorities.length > 0
      ? judgeGoverned(statements, this.#standing)
      : judgeUngoverned(statements, { ownPeerId: this.ownPeerId, owner })
  }
}

function isSame(before: Decided, { statements, revision, owner }: Decided): boolean {
  return before.statements === statements && before.revision === revision && before.owner === owner
}
