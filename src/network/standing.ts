import type { AddressBook } from './address-book.ts'
import type { RelayMembers } from './relay/policy/types.ts'

/**
 * How well this node knows a peer. A `member` is known by what the registry says, which any station can be
 * by registering; a `familiar` one by what this node or its operator did itself.
 */
export type Standing = 'stranger' | 'member' | 'familiar'

export type StandingOf = (peerId: string) => Standing

/** What else is asked about a peer, each answered from memory. */
export interface StandingSources {
  readonly isSeed: (peerId: string) => boolean
  /** Whether this node's reachability hangs on it. */
  readonly isOwnRelay: (peerId: string) => boolean
  readonly addressBook: Pick<AddressBook, 'candidates'>
  readonly members: RelayMembers | undefined
  /** Monotonic, ms. @default performance.now */
  readonly monotonicMs?: () => number
}

/** The address book is looked at so often. */
const LOOK_EVERY_MS = 60_000
/** Long known: reached before this start, or for this long since. */
const LONG_KNOWN_MS = 3_600_000

/** Who is known here. Made before the host, which asks; until it is attached only the operator's word counts. */
export class Acquaintances {
  readonly #named: ReadonlySet<string>
  #sources: StandingSources | null = null
  #monotonicMs: () => number = () => performance.now()
  /** Peers of the address book, and when they were first seen there; as large as the book. */
  #sinceMs: ReadonlyMap<string, number> = new Map()
  #lookedAtMs: number | null = null

  /** @param named peer IDs that the operator wrote */
  constructor(named: readonly string[]) {
    this.#named = new Set(named)
  }

  attach(sources: StandingSources): void {
    this.#sources = sources
    this.#monotonicMs = sources.monotonicMs ?? this.#monotonicMs
  }

  standingOf(peerId: string): Standing {
    const sources = this.#sources
    if (this.#named.has(peerId)) return 'familiar'
    if (sources === null) return 'stranger'
    const { members } = sources
    if (sources.isSeed(peerId) || sources.isOwnRelay(peerId)) return 'familiar'
    const isReady = members?.isReady === true
    if (isReady && members.isRevoked(peerId)) return 'stranger'
    if (this.#isLongKnown(peerId, sources)) return 'familiar'
    const isMember = isReady && (members.isMember(peerId) || members.isTrusted(peerId))
    return isMember ? 'member' : 'stranger'
  }

  #isLongKnown(peerId: string, { addressBook }: StandingSources): boolean {
    const nowMs = this.#monotonicMs()
    if (this.#lookedAtMs === null || nowMs - this.#lookedAtMs >= LOOK_EVERY_MS) {
      const isFirst = this.#sinceMs.size === 0 && this.#lookedAtMs === null
      const since = isFirst ? Number.NEGATIVE_INFINITY : nowMs
      this.#sinceMs = new Map(
        addressBook.candidates().flatMap(({ peerId: id }): [string, number][] => {
          return id === null ? [] : [[id, this.#sinceMs.get(id) ?? since]]
        }),
      )
      this.#lookedAtMs = nowMs
    }
    const sinceMs = this.#sinceMs.get(peerId)
    return sinceMs !== undefined && nowMs - sinceMs >= LONG_KNOWN_MS
  }
}
