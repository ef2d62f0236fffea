import { Loop } from '../../../lib/loop.ts'
import { TokenBucket } from '../../../lib/token-bucket.ts'
import { endpointOf } from '../../dialer/dial-address.ts'
import { ask, type Held } from './ask.ts'
import { Asking } from './asking.ts'
import { DIAL_BURST, DIALS_PER_SECOND, RELAYS_WANTED } from './constants.ts'
import { HeldReservations } from './held-reservations.ts'
import type { RelayClientComponents, RelayClientOptions } from './options.ts'
import { type KnownRelay, RelayBook, type RelayCandidate } from './relay-book.ts'
import { ReserveError, type ReserveFailure } from './reserve.ts'
import type { HeldReservation } from './types.ts'

const STEP_MS = 500
/** Of one relay, as a record tells them. */
const LIMIT_RELAY_ADDRESSES = 8
/** After a refresh that came to nothing, while the reservation still holds. */
const REFRESH_RETRY_MS = 10_000

/**
 * Keeps this node reachable while it cannot be reached directly: a reservation on two relays where there
 * are two, refreshed in time, and with another relay or the same as soon as one is lost.
 *
 * The library's own reservations are not used: one that is lost stays lost, a relay that failed once is
 * never asked again, and every try leaves a listener behind (circuit-relay-v2 4.2.13).
 */
export class RelayClient {
  readonly #options: RelayClientOptions
  readonly #components: RelayClientComponents
  readonly #book: RelayBook
  readonly #bucket: TokenBucket
  readonly #loop: Loop
  readonly #held: HeldReservations
  /** At most as many as are wanted. */
  readonly #asking: Asking
  #controller = new AbortController()
  #unsubscribe: (() => void) | null = null

  constructor(options: RelayClientOptions, components: RelayClientComponents) {
    const { clock, random, logger } = components
    this.#options = options
    this.#components = components
    this.#held = new HeldReservations(components)
    this.#asking = new Asking({ logger, onEnded: () => this.#loop.wake() })
    this.#book = new RelayBook({
      random,
      rttOf: (peerId) => components.port.connectionTo(peerId)?.rttMs ?? null,
    })
    this.#bucket = new TokenBucket({
      capacity: DIAL_BURST,
      refillPerSecond: DIALS_PER_SECOND,
      clock,
    })
    this.#loop = new Loop({
      name: 'relay client',
      intervalMs: STEP_MS,
      clock,
      run: async () => this.step(),
      onError: (error) => logger.error({ error }, 'Relay client failed'),
    })
  }

  /** Notes which relays are connected; asks none yet. */
  listen(): void {
    if (this.#unsubscribe !== null) return
    this.#controller = new AbortController()
    this.#unsubscribe = this.#components.port.onRelay((peerId, connection) => {
      if (connection === null) this.#noteGone(peerId)
      else this.#book.noteConnected(peerId, connection.address)
      this.#loop.wake()
    })
  }

  start(): void {
    this.listen()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    this.#controller.abort()
    await this.#loop.stop()
    await this.#asking.settled()
    this.#held.loseAll('stopped')
  }

  /** Takes what a node record says of a relay; one that is itself behind a relay is of no use. */
  noteRelay(relay: KnownRelay): void {
    const addresses = relay.addresses.filter((address) => endpointOf(address) !== null)
    if (addresses.length === 0) return
    this.#book.noteRecord({ ...relay, addresses: addresses.slice(0, LIMIT_RELAY_ADDRESSES) })
    this.#loop.wake()
  }

  /** Looks at once: reachability changed. */
  wake(): void {
    this.#loop.wake()
  }

  get reservations(): readonly HeldReservation[] {
    return this.#held.list()
  }

  /** Relays known, connected or from records. */
  get knownRelays(): number {
    return this.#book.size
  }

  /** Whether this node's reachability hangs on a peer: it is not parted from. */
  dependsOn(peerId: string): boolean {
    return this.#held.has(peerId) || this.#asking.has(peerId)
  }

  /** One look at what is held and wanted; begins at most that much and returns. Called by the loop. */
  step(): void {
    if (this.#controller.signal.aborted) return
    const nowMs = this.#components.clock.now()
    if (!this.#components.isNeeded()) {
      this.#held.loseAll('not-needed')
      return
    }
    for (const held of this.#held.list()) this.#look(held, nowMs)
    const { relaysWanted = RELAYS_WANTED } = this.#options
    const missing = relaysWanted - this.#taken().size
    for (let n = 0; n < missing; n++) {
      // One by one, since the second is to be another operator's than the first.
      const candidate = this.#book
        .choose(this.#taken(), nowMs)
        .find(({ isConnected }) => isConnected || this.#bucket.tryTake())
      if (candidate === undefined) return
      this.#begin(candidate.peerId, candidate.addresses[0] ?? '', (signal) =>
        this.#acquire(candidate, signal),
      )
    }
  }

  /** A reservation ends with its connection, even when the next one is there before we look. */
  #noteGone(peerId: string): void {
    this.#book.noteGone(peerId)
    this.#held.lose(peerId, 'disconnected')
  }

  #look(held: Held, nowMs: number): void {
    const { relayPeerId: relay } = held
    if (this.#components.port.connectionTo(relay) === null) this.#held.lose(relay, 'disconnected')
    else if (nowMs >= held.expiresAtMs) this.#held.lose(relay, 'expired')
    if (!this.#held.has(relay) || this.#asking.has(relay)) return
    // A clock that was set back says nothing about how long the relay keeps the place.
    const isFresh = nowMs >= held.reservedAtMs && nowMs < held.refreshAtMs
    if (isFresh) return
    this.#begin(relay, held.addresses[0] ?? '', (signal) => this.#refresh(relay, signal))
  }

  /** Relays that are held or asked, with their address. */
  #taken(): ReadonlyMap<string, string> {
    const held = this.#held
      .list()
      .map(({ relayPeerId, addresses }) => [relayPeerId, addressOfRelay(addresses[0])] as const)
    const asked = this.#asking.list().map(({ relay, address }) => [relay, address] as const)
    return new Map([...asked, ...held])
  }

  #begin(peerId: string, address: string, job: (signal: AbortSignal) => Promise<void>): void {
    this.#asking.begin(peerId, address, () => job(this.#controller.signal))
  }

  async #acquire({ peerId, addresses }: RelayCandidate, signal: AbortSignal): Promise<void> {
    const { port, metrics, logger, clock } = this.#components
    if (port.connectionTo(peerId) === null) {
      try {
        await port.connect(peerId, addresses, signal)
      } catch {
        if (signal.aborted) return
        // The dialer has counted and logged why.
        metrics.requested('unreachable')
        this.#book.noteFailure(peerId, 'not-connected', clock.now())
        return
      }
    }
    try {
      const held = await ask(peerId, this.#components, signal)
      // What is no longer wanted by now is dropped with the next look.
      this.#hold(held)
      metrics.requested('reserved')
      logger.info({ relay: peerId, addresses: held.addresses }, 'Reachable through a relay')
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(peerId, error)
    }
  }

  async #refresh(peerId: string, signal: AbortSignal): Promise<void> {
    const { metrics, clock } = this.#components
    try {
      const held = await ask(peerId, this.#components, signal)
      if (!this.#held.has(peerId)) return
      this.#hold(held)
      metrics.requested('refreshed')
    } catch (error) {
      const failure = this.#noteFailure(peerId, error)
      if (signal.aborted) return
      if (isFinal(failure)) this.#held.lose(peerId, 'refused')
      else this.#held.putOffRefresh(peerId, clock.now() + REFRESH_RETRY_MS)
    }
  }

  #hold(held: Held): void {
    this.#book.noteHeld(held.relayPeerId, held.reservedAtMs)
    this.#held.hold(held)
  }

  #noteFailure(relay: string, error: unknown): ReserveFailure {
    const { metrics, logger, clock } = this.#components
    const failure = error instanceof ReserveError ? error.code : 'failed'
    metrics.requested(failure)
    logger.debug({ relay, failure }, 'No reservation')
    this.#book.noteFailure(relay, failure, clock.now())
    return failure
  }
}

/** The relay took its word back; anything else may be the connection's fault. */
function isFinal(failure: ReserveFailure): boolean {
  return failure === 'refused' || failure === 'full' || failure === 'denied'
}

/** The relay's own address in one of ours. */
function addressOfRelay(relayed: string | undefined): string {
  return relayed?.replace(/\/p2p\/.*$/, '') ?? ''
}
