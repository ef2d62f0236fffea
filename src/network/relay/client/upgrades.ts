import type { Connection, IdentifyResult } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { BoundedMap } from '../../../lib/bounded-map.ts'
import { type Clock, isAhead } from '../../../lib/clock.ts'
import { TokenBucket } from '../../../lib/token-bucket.ts'
import type { Logger } from '../../../telemetry/index.ts'
import type { DialPermits } from '../../dial-permits.ts'
import { addressText, endpointOf, splitAddress } from '../../dialer/dial-address.ts'
import type { Dialer } from '../../dialer/dialer.ts'
import type { RelayedPort } from '../../dialer/relayed-dial.ts'
import type { HostLibp2p } from '../../host-libp2p.ts'
import { isRelayed } from '../hop/client-source.ts'
import type { RelayClientMetrics } from './metrics.ts'

/** Our own dials take five seconds where nobody answers; the library's first coordinated try, as long. */
const WINDOW_MS = 8_000
/** The side that was dialled goes first; the other waits for so long, lest both connect. */
const SECOND_TURN_MS = 1500
const LIMIT_ADDRESSES = 4
/** Of those that a peer tells, the first are looked at. */
const LIMIT_TOLD = 32
/**
 * Upgrades begun: each may dial what its peer told us, 4 addresses here and 12 in DCUtR, which may be a third
 * party's. Whoever comes through relays under ever new names has us dial 1.6 a second at most.
 */
const BURST = 8
const PER_SECOND = 0.1
/** Of one peer. */
const NOT_AGAIN_FOR_MS = 60_000
const LIMIT_REMEMBERED = 512

export interface UpgradesOptions {
  /** Only a station of this network is worth a direct connection. */
  readonly stationProtocol: string
}

export interface UpgradesComponents {
  readonly libp2p: Pick<HostLibp2p, 'addEventListener' | 'removeEventListener'>
  readonly relayed: RelayedPort
  readonly dialer: Pick<Dialer, 'reach'>
  readonly permits: Pick<DialPermits, 'beginUpgrade' | 'endUpgrade'>
  readonly metrics: Pick<RelayClientMetrics, 'upgraded'>
  readonly logger: Logger
  readonly clock: Clock
}

/**
 * Makes direct connections of relayed ones. Whoever is reached through a relay dials the other side's own
 * addresses, which works where that side is not behind a NAT; after a moment the other does the same. For
 * the rest the library's DCUtR has leave to dial while this lasts: with TCP, NATs let it through hardly
 * ever, since libp2p 3.3 cannot dial from the port that it listens on.
 */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #components: UpgradesComponents
  readonly #bucket: TokenBucket
  readonly #lately = new BoundedMap<string, number>({ limit: LIMIT_REMEMBERED })
  /** Upgrades under way, at most as many as there are permits. */
  readonly #running = new Set<Promise<void>>()
  #controller = new AbortController()
  #unsubscribe: (() => void) | null = null

  constructor(options: UpgradesOptions, components: UpgradesComponents) {
    const { clock } = components
    this.#options = options
    this.#components = components
    this.#bucket = new TokenBucket({ capacity: BURST, refillPerSecond: PER_SECOND, clock })
  }

  start(): void {
    if (this.#unsubscribe !== null) return
    const { libp2p } = this.#components
    this.#controller = new AbortController()
    const onIdentify = (event: CustomEvent<IdentifyResult>) => this.#onIdentify(event.detail)
    libp2p.addEventListener('peer:identify', onIdentify)
    this.#unsubscribe = () => libp2p.removeEventListener('peer:identify', onIdentify)
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    this.#controller.abort()
    await Promise.all(this.#running)
  }

  #onIdentify(found: IdentifyResult): void {
    const { connection, protocols, signedPeerRecord, listenAddrs } = found
    const peerId = found.peerId.toString()
    if (!isRelayed(connection) || !protocols.includes(this.#options.stationProtocol)) return
    const { relayed, metrics, permits, logger, clock } = this.#components
    if (relayed.isConnected(peerId)) return
    const nowMs = clock.now()
    if (isAhead(this.#lately.peek(peerId) ?? 0, NOT_AGAIN_FOR_MS, nowMs)) return
    if (!this.#bucket.tryTake() || !permits.beginUpgrade(peerId)) {
      metrics.upgraded('refused')
      return
    }
    this.#lately.set(peerId, nowMs + NOT_AGAIN_FOR_MS)
    const addresses = directOf(signedPeerRecord?.addresses ?? listenAddrs)
    const running = this.#upgrade(peerId, addresses, connection)
      .catch((error) => logger.error({ peer: peerId, error }, 'Upgrade ended unexpectedly'))
      .finally(() => {
        permits.endUpgrade(peerId)
        this.#running.delete(running)
      })
    this.#running.add(running)
  }

  async #upgrade(
    peerId: string,
    addresses: readonly string[],
    connection: Connection,
  ): Promise<void> {
    const { relayed, metrics, logger } = this.#components
    const { signal } = this.#controller
    const dialling = this.#dial(peerId, addresses, connection.direction === 'inbound')
    const reached = await relayed.whenDirect(peerId, WINDOW_MS, signal)
    await dialling
    if (signal.aborted) return
    const outcome = reached === null ? 'failed' : 'upgraded'
    metrics.upgraded(outcome)
    logger.debug({ peer: peerId, outcome, addresses: addresses.length }, 'Relayed connection')
    // What is kept open otherwise is somebody's circuit: it ends by the relay's limits.
    if (reached !== null) await relayed.hangUpRelayed(peerId)
  }

  /** Never throws: that it failed is what the caller sees. */
  async #dial(peerId: string, addresses: readonly string[], isFirst: boolean): Promise<void> {
    if (addresses.length === 0) return
    const { relayed, dialer } = this.#components
    const { signal } = this.#controller
    if (!isFirst && (await relayed.whenDirect(peerId, SECOND_TURN_MS, signal)) !== null) return
    if (signal.aborted) return
    // Counted and logged by the dialer.
    await dialer.reach({ source: 'peer-exchange', peerId, addresses }, signal).catch(() => {})
  }
}

/**
 * The few of a peer's addresses that lead to it without a relay. One that has no text is left out: libp2p calls from
 * an event listener, and what is thrown there ends the process.
 */
function directOf(told: readonly Multiaddr[]): string[] {
  return told
    .slice(0, LIMIT_TOLD)
    .flatMap((address) => splitAddress(addressText(address) ?? '')?.address ?? [])
    .filter((address) => endpointOf(address) !== null)
    .slice(0, LIMIT_ADDRESSES)
}
