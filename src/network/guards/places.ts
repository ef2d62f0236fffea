import type { Connection, Libp2pEvents, MultiaddrConnection } from '@libp2p/interface'

import { type Clock, isLately, systemClock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { Standing, StandingOf } from '../standing.ts'
import { type CrowdKey, Crowds } from './crowds.ts'
import type { LargestGroup } from './groups.ts'
import { STRANGERS, TAKES, type Tier, tierOf } from './place-tiers.ts'
import type { Source } from './source.ts'

export interface PlaceLimits {
  /** Connections in all, both directions. */
  readonly total: number
  /** Share of them that is kept for known stations, 0..1. */
  readonly keptShare: number
  /** Share of the places for strangers at which those who never said what they are go, 0..1. */
  readonly crowdedShare: number
  /** From its begin to identify, in a crowd, ms. */
  readonly identifyWithinMs: number
  /** Inbound connections of one peer. */
  readonly perPeer: number
}

/** Why a peer that proved who it is gets no place. */
export type PlaceRefusal = 'full' | 'peer'
/** For whom a place was taken from a stranger, or that nobody said what it was for. */
export type EvictionReason = 'known-station' | 'newcomer' | 'unidentified'

export interface PlacesComponents {
  readonly standingOf: StandingOf
  readonly onEvicted: (reason: EvictionReason) => void
  /** @default systemClock */
  readonly clock?: Clock
}

export interface PlaceCounts {
  readonly total: number
  /** Of known stations. */
  readonly known: number
  /** Kept for known stations that are not here yet. */
  readonly keptFree: number
}

type Arriving = Pick<MultiaddrConnection, 'timeline' | 'abort' | 'status' | 'addEventListener'>

interface Place {
  readonly key: Connection['timeline']
  readonly peerId: string
  readonly crowd: CrowdKey
  readonly sinceMs: number
  readonly isInbound: boolean
  connection: Pick<Arriving, 'abort'> & Partial<Pick<Connection, 'streams'>>
  isIdentified: boolean
  /** null: nobody may take it. */
  tier: Tier | null
  isKnown: boolean
}

/** Candidates that are looked at for one arrival, of each tier. */
const LIMIT_LOOKED_AT = 32
/** Places that are looked at in one round, and how often: all of 10 000 within twenty seconds. */
const LIMIT_ROUND = 512
const ROUND_MS = 1_000
/** A proxy's peers stand in so many groups, so that they are not the first to go as one crowd. */
const SHARED_GROUPS = 64

/**
 * Who may stay when not all can. A share of the connections is kept for known stations; a known station that
 * finds all taken gets the place of the least worthy stranger: first who never said what it is, last who is
 * relayed for, each time the newest of the subnet that has most, in the allocation that has most. Strangers
 * take places from each other only where that makes allocations more even, or the subnets of one, so a newcomer
 * gets in beside a crowd, whether that has one subnet or all those of a provider.
 * Connections that this node opened itself are never taken away, nor those of known stations; members
 * whom only the registry knows make room for peers that are known first-hand.
 *
 * Takes the place of libp2p 3.3's `maxConnections`, which refuses everybody before it is known who asks,
 * and of its pruner, which spares whoever has a gossip stream. Can go when libp2p asks who is to make room, and
 * for whom.
 */
export class Places {
  readonly #limits: PlaceLimits
  readonly #components: PlacesComponents
  readonly #clock: Clock
  readonly #loop: Loop
  readonly #places = new Map<Connection['timeline'], Place>()
  readonly #ofPeer = new Map<string, number>()
  readonly #tiers: Readonly<Record<Tier, Crowds<Place>>> = {
    unidentified: new Crowds(),
    identified: new Crowds(),
    relaying: new Crowds(),
    member: new Crowds(),
  }
  #round: MapIterator<Place> | null = null
  #known = 0
  #serial = 0

  constructor(limits: PlaceLimits, components: PlacesComponents) {
    this.#limits = limits
    this.#components = components
    const clock = components.clock ?? systemClock
    this.#clock = clock
    this.#loop = new Loop({
      name: 'places',
      intervalMs: ROUND_MS,
      isDelayed: true,
      clock,
      run: async () => this.review(),
    })
  }

  get counts(): PlaceCounts {
    const total = this.#places.size
    const free = Math.max(0, this.#limits.total - total)
    return { total, known: this.#known, keptFree: Math.min(free, this.#kept()) }
  }

  /** Begins to look at places in turn. Callable twice. */
  start(): void {
    this.#loop.start()
  }

  /** Callable twice. */
  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Whether an arrival can hope for a place; changes nothing, so a handshake need not go on. */
  refusalOf(peerId: string, source: Source): PlaceRefusal | null {
    if ((this.#ofPeer.get(peerId) ?? 0) >= this.#limits.perPeer) return 'peer'
    const standing = this.#components.standingOf(peerId)
    if (this.#hasRoom(standing)) return null
    return this.#victim(standing, source) === null ? 'full' : null
  }

  /** Gives a peer that proved who it is a place until its connection closes. @returns null when it has one */
  admit(peerId: string, connection: Arriving, source: Source): PlaceRefusal | null {
    if ((this.#ofPeer.get(peerId) ?? 0) >= this.#limits.perPeer) return 'peer'
    const standing = this.#components.standingOf(peerId)
    if (!this.#hasRoom(standing)) {
      const victim = this.#victim(standing, source)
      if (victim === null) return 'full'
      this.#evict(victim, standing === 'stranger' ? 'newcomer' : 'known-station')
    }
    const { timeline } = connection
    const crowd = this.#crowdOf(source)
    this.#add({ key: timeline, peerId, connection, crowd, isInbound: true })
    connection.addEventListener('close', () => this.#remove(timeline), { once: true })
    if (connection.status !== 'open') this.#remove(timeline)
    return null
  }

  /** Follows a host's connections from here on. */
  watch(events: {
    addEventListener<K extends keyof Libp2pEvents>(
      type: K,
      listener: (event: Libp2pEvents[K]) => void,
    ): void
  }): void {
    events.addEventListener('connection:open', ({ detail }) => this.#onOpen(detail))
    events.addEventListener('connection:close', ({ detail }) => this.#remove(detail.timeline))
    events.addEventListener('peer:identify', ({ detail: { connection } }) => {
      const place = this.#places.get(connection.timeline)
      if (place === undefined) return
      place.isIdentified = true
      this.#file(place)
    })
  }

  /** Looks at some places anew, in turn: who became known, who fell idle, who never said what it is. */
  review(): void {
    const { identifyWithinMs } = this.#limits
    const nowMs = this.#clock.now()
    for (let looked = 0; looked < LIMIT_ROUND; looked++) {
      this.#round ??= this.#places.values()
      const { value: place, done } = this.#round.next()
      if (done === true) {
        this.#round = null
        return
      }
      this.#file(place)
      const isSilent =
        place.tier === 'unidentified' && !isLately(place.sinceMs, identifyWithinMs, nowMs)
      if (isSilent && this.#isCrowded()) this.#evict(place, 'unidentified')
    }
  }

  #onOpen(connection: Connection): void {
    const place = this.#places.get(connection.timeline)
    if (place !== undefined) {
      place.connection = connection
      return
    }
    if (connection.status !== 'open') return
    const peerId = connection.remotePeer.toString()
    const isInbound = connection.direction === 'inbound'
    const crowd = { group: '', part: '' }
    this.#add({ key: connection.timeline, peerId, connection, crowd, isInbound })
  }

  #kept(): number {
    const { total, keptShare } = this.#limits
    return Math.max(0, Math.ceil(total * keptShare) - this.#known)
  }

  #hasRoom(standing: Standing): boolean {
    const kept = standing === 'stranger' ? this.#kept() : 0
    return this.#places.size < this.#limits.total - kept
  }

  #isCrowded(): boolean {
    const { total, crowdedShare } = this.#limits
    return this.#places.size >= (total - this.#kept()) * crowdedShare
  }

  #victim(standing: Standing, source: Source): Place | null {
    const isStranger = standing === 'stranger'
    const own = this.#strangersOf(source)
    // One more than the arrival's own would have: else the two would take places from each other.
    const [allocation, subnet] = isStranger ? [own.group + 2, own.part + 2] : [1, 1]
    for (const tier of TAKES[standing]) {
      const crowds = this.#tiers[tier]
      const victim =
        this.#newestOf(tier, allocation, () => crowds.largest()) ??
        // That of a neighbour changes nothing for other allocations.
        this.#newestOf(tier, subnet, () => crowds.largestPart(source.allocation))
      if (victim !== null) return victim
    }
    return null
  }

  /** The newest of a group while it has at least so many, and only of those who still belong there. */
  #newestOf(tier: Tier, atLeast: number, ask: () => LargestGroup<Place> | null): Place | null {
    for (let looked = 0; looked < LIMIT_LOOKED_AT; looked++) {
      const group = ask()
      if (group === null || group.size < atLeast) return null
      this.#file(group.newest)
      if (group.newest.tier === tier) return group.newest
    }
    return null
  }

  /** What an arrival's neighbours have. */
  #strangersOf({ kind, subnet, allocation }: Source): { group: number; part: number } {
    const own = { group: 0, part: 0 }
    if (kind !== 'public') return own
    for (const tier of STRANGERS) {
      const { group, part } = this.#tiers[tier].sizeOf({ group: allocation, part: subnet })
      own.group += group
      own.part += part
    }
    return own
  }

  #crowdOf({ kind, subnet, allocation }: Source): CrowdKey {
    if (kind === 'public') return { group: allocation, part: subnet }
    this.#serial = (this.#serial + 1) % SHARED_GROUPS
    const group = `${allocation}#${this.#serial}`
    return { group, part: group }
  }

  #add(what: Pick<Place, 'key' | 'peerId' | 'connection' | 'crowd' | 'isInbound'>): void {
    const place = {
      ...what,
      sinceMs: this.#clock.now(),
      isIdentified: false,
      tier: null,
      isKnown: false,
    }
    this.#places.set(place.key, place)
    if (place.isInbound) this.#ofPeer.set(place.peerId, (this.#ofPeer.get(place.peerId) ?? 0) + 1)
    this.#file(place)
  }

  #remove(key: Connection['timeline']): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    this.#put(place, null, false)
    if (!place.isInbound) return
    const left = (this.#ofPeer.get(place.peerId) ?? 1) - 1
    if (left > 0) this.#ofPeer.set(place.peerId, left)
    else this.#ofPeer.delete(place.peerId)
  }

  #evict(place: Place, reason: EvictionReason): void {
    this.#components.onEvicted(reason)
    this.#remove(place.key)
    place.connection.abort(new Error('the place is needed by another peer'))
  }

  /** Puts a place where it belongs now. */
  #file(place: Place): void {
    const standing = this.#components.standingOf(place.peerId)
    const { isInbound, isIdentified, connection } = place
    const tier = tierOf({ isInbound, isIdentified, streams: connection.streams ?? [] }, standing)
    this.#put(place, tier, standing !== 'stranger')
  }

  #put(place: Place, tier: Tier | null, isKnown: boolean): void {
    this.#known += Number(isKnown) - Number(place.isKnown)
    place.isKnown = isKnown
    if (place.tier === tier) return
    if (place.tier !== null) this.#tiers[place.tier].delete(place.crowd, place)
    if (tier !== null) this.#tiers[tier].add(place.crowd, place)
    place.tier = tier
  }
}
