import { BoundedMap } from '../lib/bounded-map.ts'
import { type Clock, isAhead } from '../lib/clock.ts'
import { withDeadline } from '../lib/deadline.ts'
import type { KnownPeer } from './types.ts'

/** A walk that has found nothing by then is given up. */
const WALK_MS = 5_000
/** Walks at a time: each asks a few neighbours at once. */
const LIMIT_WALKS = 4
const LIMIT_REMEMBERED = 1_024
/** What was found, or not, is the answer to whoever asks again so soon. */
const FOUND_MS = 60_000
const NOTHING_MS = 15_000

export interface PeerFinderOptions {
  /** @default 5000 */
  readonly walkMs?: number
  /** @default 4 */
  readonly maxWalks?: number
}

export interface PeerFinderComponents {
  /** What this node knows by itself: who is connected, and the peer store. */
  readonly known: (peerId: string) => Promise<KnownPeer>
  /** Walks the DHT; null when it is off. Resolves to addresses as whoever told them wrote them. */
  readonly walk: ((peerId: string, signal: AbortSignal) => Promise<readonly string[]>) | null
  /** Of addresses that somebody told, those that may be passed on. */
  readonly tellable: (peerId: string, addresses: readonly string[]) => string[]
  readonly clock: Pick<Clock, 'now'>
}

interface Remembered {
  readonly peer: KnownPeer
  readonly untilMs: number
}

/**
 * Where a peer can be reached, for those who ask on behalf of others: this node's own knowledge first, then the
 * private DHT, with few walks at a time and answers that are kept for a while, empty ones included.
 */
export class PeerFinder {
  readonly #components: PeerFinderComponents
  readonly #walkMs: number
  readonly #maxWalks: number
  readonly #remembered = new BoundedMap<string, Remembered>({ limit: LIMIT_REMEMBERED })
  readonly #walking = new Map<string, Promise<KnownPeer>>()

  constructor(options: PeerFinderOptions, components: PeerFinderComponents) {
    this.#components = components
    this.#walkMs = options.walkMs ?? WALK_MS
    this.#maxWalks = options.maxWalks ?? LIMIT_WALKS
  }

  /** What this node knows by itself. */
  known(peerId: string): Promise<KnownPeer> {
    return this.#components.known(peerId)
  }

  /** Of addresses that the peer, or somebody else, told, those that may be passed on. */
  tellable(peerId: string, addresses: readonly string[]): string[] {
    return this.#components.tellable(peerId, addresses)
  }

  /** Walks under way. */
  get walks(): number {
    return this.#walking.size
  }

  /**
   * No addresses: nobody who was asked knows any, or too many are looked for already. The walk goes on when
   * the asker gives up, for those who ask next. @throws the signal's reason
   */
  async find(peerId: string, signal: AbortSignal): Promise<KnownPeer> {
    const { known, clock } = this.#components
    const own = await known(peerId)
    if (own.addresses.length > 0) return own
    const remembered = this.#remembered.get(peerId)
    if (remembered !== undefined && isAhead(remembered.untilMs, FOUND_MS, clock.now())) {
      return remembered.peer
    }
    const walking = this.#walking.get(peerId) ?? this.#beginWalk(own)
    if (walking === null) return own
    return withDeadline(() => walking, { ms: this.#walkMs + 1_000, label: 'a DHT walk', signal })
  }

  #beginWalk(own: KnownPeer): Promise<KnownPeer> | null {
    const { walk } = this.#components
    if (walk === null || this.#walking.size >= this.#maxWalks) return null
    const walking = this.#walk(own, walk).finally(() => this.#walking.delete(own.peerId))
    this.#walking.set(own.peerId, walking)
    return walking
  }

  async #walk(own: KnownPeer, walk: NonNullable<PeerFinderComponents['walk']>): Promise<KnownPeer> {
    const { tellable, clock } = this.#components
    const told = await withDeadline((inner) => walk(own.peerId, inner), {
      ms: this.#walkMs,
      label: 'a DHT walk',
    }).catch((): readonly string[] => [])
    const nowMs = clock.now()
    const peer = { ...own, addresses: tellable(own.peerId, told), foundAtMs: nowMs }
    const untilMs = nowMs + (peer.addresses.length > 0 ? FOUND_MS : NOTHING_MS)
    this.#remembered.set(own.peerId, { peer, untilMs })
    return peer
  }
}
