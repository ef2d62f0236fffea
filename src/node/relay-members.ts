import { BoundedMap } from '../lib/bounded-map.ts'
import type { RelayMembers } from '../network/index.ts'
import type {
  RegistryService,
  RegistryView,
  TrustDecisions,
  TrustPolicy,
  TrustStatement,
} from '../registry/index.ts'

/** The members are listed anew at most so often, and so rarely that it takes a fiftieth of the time. */
const LIST_INTERVAL_MS = 1_000
const LIST_SHARE = 50
/** A record that nobody renews stops being listed, which no change tells of. */
const LIST_AT_LEAST_MS = 600_000
/** Peers whose trust is kept until something changes. */
const TRUST_LIMIT = 4_096
/** Ingesters of one station that are looked at: one whose key counts is enough. */
const INGESTERS_LIMIT = 64

const VOUCH = 'vouch:'

export interface RelayMembersComponents {
  readonly view: Pick<RegistryView, 'list' | 'get' | 'idsOf' | 'revision' | 'changedSince'>
  readonly trust: TrustPolicy
  readonly isOpen: () => boolean
  /** Monotonic, ms. @default performance.now */
  readonly monotonicMs?: () => number
}

type Registry = Pick<RegistryService, 'view' | 'trust' | 'status'>

/** Made before the registry, which needs the network first; nobody is known until it is attached. */
export class LateRelayMembers implements RelayMembers {
  #members: RelayMembers | null = null

  attach(registry: Registry): void {
    this.#members = new RegistryRelayMembers({
      view: registry.view,
      trust: registry.trust,
      isOpen: () => registry.status().every((database) => database.isOpen),
    })
  }

  get isReady(): boolean {
    return this.#members?.isReady ?? false
  }

  isMember(peerId: string): boolean {
    return this.#members?.isMember(peerId) ?? false
  }

  isTrusted(peerId: string): boolean {
    return this.#members?.isTrusted(peerId) ?? false
  }

  isRevoked(peerId: string): boolean {
    return this.#members?.isRevoked(peerId) ?? false
  }
}

/**
 * What the relay's policy asks about peers, from what the registry holds in memory. It is asked once a
 * second about everybody who uses the relay, so each answer is a look into a set.
 */
export class RegistryRelayMembers implements RelayMembers {
  readonly #components: RelayMembersComponents
  readonly #monotonicMs: () => number
  #isReady = false
  #members = new Set<string>()
  #listedRevision = -1
  #seenRevision = -1
  #listedAtMs = 0
  #listAgainAtMs = 0
  #decisions: TrustDecisions | null = null
  #trustRevision = -1
  readonly #trusted = new BoundedMap<string, boolean>({ limit: TRUST_LIMIT })

  constructor(components: RelayMembersComponents) {
    this.#components = components
    this.#monotonicMs = components.monotonicMs ?? (() => performance.now())
  }

  /** Once open it stays so: a registry that closes is that of a node that stops. */
  get isReady(): boolean {
    this.#isReady ||= this.#components.isOpen()
    return this.#isReady
  }

  isMember(peerId: string): boolean {
    this.#listMembers()
    return this.#members.has(peerId)
  }

  isTrusted(peerId: string): boolean {
    const { vouched } = this.#readTrust()
    if (this.#components.trust.authorities.includes(peerId) || vouched.has(peerId)) return true
    const known = this.#trusted.get(peerId)
    if (known !== undefined) return known
    const isTrusted = hasActive(this.#keysOf(peerId)) || this.#hasCountingKey(peerId)
    this.#trusted.set(peerId, isTrusted)
    return isTrusted
  }

  isRevoked(peerId: string): boolean {
    this.#readTrust()
    const { trust } = this.#components
    if (trust.authorities.includes(peerId)) return false
    if (trust.authorities.some((author) => hasRevoked(trust, author, peerId))) return true
    const own = this.#keysOf(peerId)
    return own !== undefined && !hasActive(own)
  }

  /** Of the station itself. Without authorities, whoever is first could call any station revoked by them. */
  #keysOf(peerId: string): ReturnType<TrustDecisions['keys']['get']> {
    const isGoverned = this.#components.trust.authorities.length > 0
    return isGoverned ? this.#decisions?.keys.get(peerId) : undefined
  }

  /** Who comes is known at once, who is gone for an interval at most. */
  #listMembers(): void {
    const { view } = this.#components
    const revision = view.revision('nodes')
    const nowMs = this.#monotonicMs()
    const isOld = nowMs >= this.#listedAtMs + LIST_AT_LEAST_MS
    if (revision === this.#listedRevision && !isOld) return
    if (nowMs < this.#listAgainAtMs) {
      if (revision !== this.#seenRevision) this.#addChanged(revision)
      return
    }
    const members = new Set<string>()
    for (const { author, localId } of view.list('nodes')) members.add(author).add(localId)
    this.#members = members
    this.#listedRevision = revision
    this.#seenRevision = revision
    this.#listedAtMs = nowMs
    const tookMs = this.#monotonicMs() - nowMs
    this.#listAgainAtMs = nowMs + Math.max(LIST_INTERVAL_MS, tookMs * LIST_SHARE)
  }

  #addChanged(revision: number): void {
    const { view } = this.#components
    const changed = view.changedSince('nodes', this.#seenRevision)
    // Too much to tell: all are listed as soon as that may be.
    if (changed === null) this.#listAgainAtMs = this.#listedAtMs + LIST_INTERVAL_MS
    for (const localId of changed ?? []) {
      const record = view.get('nodes', localId)
      if (record !== null) this.#members.add(record.author).add(localId)
    }
    this.#seenRevision = revision
  }

  #readTrust(): TrustDecisions {
    const { trust, view } = this.#components
    const decisions = trust.decide()
    const revision = view.revision('trust')
    // The one tells of what counts, the other of who states it.
    if (decisions !== this.#decisions || revision !== this.#trustRevision) this.#trusted.clear()
    this.#decisions = decisions
    this.#trustRevision = revision
    return decisions
  }

  #hasCountingKey(peerId: string): boolean {
    const { trust, view } = this.#components
    let left = INGESTERS_LIMIT
    for (const localId of view.idsOf('trust', peerId)) {
      if (left === 0) return false
      left -= 1
      const stated = trust.statementsAbout(localId, peerId)
      if (stated.some(isCountingKey)) return true
    }
    return false
  }
}

function isCountingKey(statement: TrustStatement): boolean {
  if (statement.kind !== 'keys') return false
  return statement.keys.some(({ counts, key }) => counts && key.status === 'active')
}

/** Whether an authority took back a vouch for a station, its own or another's: that one wins. */
function hasRevoked(trust: TrustPolicy, authority: string, peerId: string): boolean {
  return trust
    .statementsAbout(VOUCH + peerId, authority)
    .some(
      (statement) =>
        statement.kind === 'vouch' &&
        statement.counts &&
        statement.record.value.status === 'revoked',
    )
}

function hasActive(versions: ReturnType<TrustDecisions['keys']['get']>): boolean {
  return Object.values(versions ?? {}).some(({ status }) => status === 'active')
}
