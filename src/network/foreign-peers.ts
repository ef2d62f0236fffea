import type { Connection, IdentifyResult, MultiaddrConnection } from '@libp2p/interface'

import type { Clock } from '../lib/clock.ts'
import { escapeRemote } from '../lib/text.ts'
import { TokenBucket } from '../lib/token-bucket.ts'
import type { Logger } from '../telemetry/index.ts'
import type { ForeignReason, NetworkMetrics } from './metrics.ts'
import type { PeerEvents } from './peers.ts'
import type { ProtocolNames } from './protocols.ts'
import { isRelayed } from './relay/hop/client-source.ts'

/** Identify takes two round trips; whoever has not answered by then is asked what it speaks. */
const IDENTIFY_MS = 10_000
const PROBE_MS = 5_000
/** What libp2p nodes speak that no network has given a name. */
const DEFAULT_IDENTIFY = '/ipfs/id/1.0.0'
/** Log lines: a few at once, then one a minute; the metric counts them all. */
const LOG_BURST = 10
const LOG_PER_SECOND = 1 / 60

export interface ForeignPeersOptions {
  readonly names: ProtocolNames
  /** Peers without the key do not get through the handshake. */
  readonly hasNetworkKey: boolean
  /** @default 10000 */
  readonly identifyMs?: number
}

export interface ForeignPeersComponents {
  readonly events: PeerEvents & {
    removeEventListener: PeerEvents['addEventListener']
  }
  readonly metrics: Pick<NetworkMetrics, 'peerForeign'>
  readonly logger: Logger
  readonly clock: Clock
}

/**
 * Counts and tells of peers that come to the wrong network: of another name, version or key, or none of ours at
 * all. They do no harm, but their operators look for the reason here, since their own node can only see that
 * nobody understands it.
 */
export class ForeignPeers {
  readonly #options: ForeignPeersOptions
  readonly #components: ForeignPeersComponents
  readonly #bucket: TokenBucket
  /** As many as there are connections. */
  readonly #waiting = new Map<Connection, NodeJS.Timeout>()
  #isStarted = false

  constructor(options: ForeignPeersOptions, components: ForeignPeersComponents) {
    this.#options = options
    this.#components = components
    const { clock } = components
    this.#bucket = new TokenBucket({ capacity: LOG_BURST, refillPerSecond: LOG_PER_SECOND, clock })
  }

  /** Callable twice. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const { events } = this.#components
    events.addEventListener('connection:open', this.#onOpen)
    events.addEventListener('peer:identify', this.#onIdentify)
  }

  /** Callable twice, and without a start. */
  stop(): void {
    this.#isStarted = false
    const { events } = this.#components
    events.removeEventListener('connection:open', this.#onOpen)
    events.removeEventListener('peer:identify', this.#onIdentify)
    for (const timer of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }

  /** A connection ended before it was known who is at the other end. */
  noteHandshake({ remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): void {
    const reason = this.#options.hasNetworkKey ? 'network_key' : 'handshake'
    this.#tell(reason, { address: remoteAddr.toString() })
  }

  readonly #onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    if (isRelayed(connection) || this.#waiting.has(connection)) return
    const ms = this.#options.identifyMs ?? IDENTIFY_MS
    const timer = setTimeout(() => {
      this.#waiting.delete(connection)
      void this.#probe(connection)
    }, ms)
    timer.unref()
    this.#waiting.set(connection, timer)
    connection.addEventListener('close', () => this.#forget(connection), { once: true })
  }

  readonly #onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    this.#forget(detail.connection)
    if (isRelayed(detail.connection)) return
    if (isOtherVersion(detail.protocols, this.#options.names)) {
      this.#tellOf(detail.connection, 'version')
    }
  }

  #forget(connection: Connection): void {
    clearTimeout(this.#waiting.get(connection))
    this.#waiting.delete(connection)
  }

  /** Says what the peer is when it can be told; a peer that is only slow is none of a reason. */
  async #probe(connection: Connection): Promise<void> {
    const { identify } = this.#options.names
    if (connection.status !== 'open' || (await speaks(connection, identify)) !== false) return
    const isOther = await speaks(connection, DEFAULT_IDENTIFY)
    if (isOther !== null) this.#tellOf(connection, isOther ? 'software' : 'network')
  }

  #tellOf(connection: Connection, reason: ForeignReason): void {
    const { remotePeer, remoteAddr } = connection
    this.#tell(reason, { peer: remotePeer.toString(), address: remoteAddr.toString() })
  }

  #tell(reason: ForeignReason, { peer, address }: { peer?: string; address: string }): void {
    const { metrics, logger } = this.#components
    metrics.peerForeign(reason)
    const facts = { ...(peer === undefined ? {} : { peer }), address: escapeRemote(address, 256) }
    const level = this.#bucket.tryTake() ? 'info' : 'debug'
    logger[level]({ ...facts, reason }, 'Peer is not of this network')
  }
}

/** Null: it cannot be told. */
async function speaks(connection: Connection, protocol: string): Promise<boolean | null> {
  try {
    const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(PROBE_MS) })
    stream.abort(new Error('only asked'))
    return true
  } catch (error) {
    return error instanceof Error && error.name === 'UnsupportedProtocolError' ? false : null
  }
}

/**
 * Whether a peer of this network's name speaks some protocol of ours in other versions only. One that speaks
 * fewer protocols is none of another version: browsers do.
 */
export function isOtherVersion(protocols: readonly string[], names: ProtocolNames): boolean {
  const own = [names.identify, names.ping, names.kad, names.peerExchange, names.pages, names.part]
  return own.some((name) => {
    if (protocols.includes(name)) return false
    const base = name.slice(0, name.lastIndexOf('/') + 1)
    return protocols.some(
      (protocol) => protocol.startsWith(base) && /^\d+\./.test(protocol.slice(base.length)),
    )
  })
}
