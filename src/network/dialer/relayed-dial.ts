import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, isAhead } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { ResolveOptions } from '../discovery/routes.ts'
import type { CandidateEntry } from './candidate-table.ts'
import { DestinationRate } from './destination-rate.ts'
import type { DialPort, Reached } from './dial-port.ts'
import { judgeAddress } from './judge.ts'
import { classifyDialError, DialRefusal } from './outcome.ts'
import { type RelayedAddress, relayedAddressOf, throughRelay } from './relayed-address.ts'

/** At a time: each holds a place at somebody's relay. */
const LIMIT_RUNNING = 2
const BURST = 4
const PER_SECOND = 1 / 15
/** From the relayed connection to the direct one: a moment longer than that is worked at. */
const UPGRADE_MS = 9_000
/** Whoever cannot be reached directly now cannot in a minute either. */
const NOT_UPGRADED_FOR_MS = 60 * 60 * 1000
/** A peer that its relays do not know is gone; who asks them again and again looks like a scanner. */
const NOT_THERE_FOR_MS = 5 * 60 * 1000
const LIMIT_REMEMBERED = 512

/** What a relayed dial asks of the host beside the dialer's own port. */
export interface RelayedPort {
  isConnected(peerId: string): boolean
  /** Opens a relayed connection over the open one to its relay. @throws what libp2p throws */
  dialRelayed(address: string, signal: AbortSignal): Promise<void>
  /** @returns where the peer is connected directly; null when it is not by then */
  whenDirect(peerId: string, ms: number, signal: AbortSignal): Promise<Reached | null>
  hangUpRelayed(peerId: string): Promise<void>
}

export interface RelayedDialComponents {
  readonly port: DialPort
  readonly relayed: RelayedPort
  readonly clock: Clock
  /** A relay was dialled only to get to somebody behind it. */
  readonly onRelayReached: (peerId: string) => void
}

type Target = Pick<CandidateEntry, 'peerId' | 'relayed'>

/**
 * Reaches a peer through its relay so that the two can agree on a direct connection, which is all that a
 * station wants: what does not become direct is closed again. Bounded in number and in time, since
 * whoever names relays makes us dial them.
 */
export class RelayedDial {
  readonly #components: RelayedDialComponents
  readonly #bucket: TokenBucket
  readonly #rate: DestinationRate
  /** Peers with which nothing came of it, and until when they are left alone. */
  readonly #inVain = new BoundedMap<string, number>({ limit: LIMIT_REMEMBERED })
  #running = 0
  /** Taken from the bucket for the next one. */
  #hasToken = false

  constructor(components: RelayedDialComponents) {
    const { clock } = components
    this.#components = components
    this.#rate = new DestinationRate(() => clock.now())
    this.#bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
  }

  /** Whether there is a way for this peer that is worth a try, and one may begin now. */
  isWorthwhile({ peerId, relayed }: Target): boolean {
    if (peerId === null || relayed.length === 0 || this.#running >= LIMIT_RUNNING) return false
    const untilMs = this.#inVain.peek(peerId) ?? 0
    if (isAhead(untilMs, NOT_UPGRADED_FOR_MS, this.#components.clock.now())) return false
    this.#hasToken ||= this.#bucket.tryTake()
    return this.#hasToken
  }

  /**
   * @returns the direct connection that came of it
   * @throws DialRefusal `not-upgraded`, `denied`; what the port throws
   */
  async dial(target: Target, options: ResolveOptions): Promise<Reached> {
    if (!this.isWorthwhile(target)) throw new DialRefusal('denied', 'no relayed dial now')
    this.#hasToken = false
    this.#running++
    try {
      return await this.#firstRelay(target, options)
    } catch (error) {
      // Nobody was asked for it.
      if (classifyDialError(error) === 'paced') throw error
      const isThere = error instanceof DialRefusal && error.code === 'not-upgraded'
      const forMs = isThere ? NOT_UPGRADED_FOR_MS : NOT_THERE_FOR_MS
      this.#inVain.set(target.peerId ?? '', this.#components.clock.now() + forMs)
      throw error
    } finally {
      this.#running--
    }
  }

  async #firstRelay({ peerId, relayed }: Target, options: ResolveOptions): Promise<Reached> {
    const errors: unknown[] = []
    for (const { address, source } of relayed) {
      const way = relayedAddressOf(address)
      if (way === null || peerId === null) continue
      try {
        const relayAddress = await this.#reachRelay(way, source, options)
        return await this.#through({ ...way, relayAddress }, peerId, options.signal)
      } catch (error) {
        options.signal.throwIfAborted()
        if (error instanceof DialRefusal && error.code === 'not-upgraded') throw error
        errors.push(error)
      }
    }
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'no relay worked')
  }

  /** @returns an address of the relay that policy lets through */
  async #reachRelay(
    { relayAddress, relayPeerId }: RelayedAddress,
    source: CandidateEntry['source'],
    options: ResolveOptions,
  ): Promise<string> {
    const { port, relayed, onRelayReached } = this.#components
    if (relayPeerId === port.peerId) throw new DialRefusal('self', 'the relay is this node')
    const addresses = await judgeAddress({ address: relayAddress, source }, port, options)
    const [first] = addresses.filter((one) => !port.isOwn(one))
    if (first === undefined) throw new DialRefusal('denied', 'the relay may not be dialled')
    if (relayed.isConnected(relayPeerId)) return first
    const ways = addresses.map((one) => ({ one, source, networks: [port.networkOf(one)] }))
    const admitted = this.#rate.admit(ways).map(({ one }) => one)
    if (admitted.length === 0) throw new DialRefusal('paced', 'the relay was dialled a moment ago')
    await port.dial({ source, peerId: relayPeerId, addresses: admitted }, options.signal)
    onRelayReached(relayPeerId)
    return first
  }

  async #through(way: RelayedAddress, peerId: string, signal: AbortSignal): Promise<Reached> {
    const { relayed } = this.#components
    await relayed.dialRelayed(throughRelay(way.relayAddress, way.relayPeerId, peerId), signal)
    try {
      const reached = await relayed.whenDirect(peerId, UPGRADE_MS, signal)
      if (reached !== null) return reached
      throw new DialRefusal('not-upgraded', 'no direct connection came of the relayed one')
    } finally {
      await relayed.hangUpRelayed(peerId)
    }
  }
}
