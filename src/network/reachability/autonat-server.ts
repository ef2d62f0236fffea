import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

import { BoundedMap } from '../../lib/bounded-map.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Logger } from '../../telemetry/index.ts'
import { classifyIp, targetOf } from '../address-class.ts'
import { endpointOf } from '../dialer/dial-address.ts'
import type { Host } from '../host.ts'
import { hostKeyOf, isRelayed, relayClientOf } from '../relay/hop/client-source.ts'
import { Libp2pPeerStream, type PeerStreamLimits } from '../streams.ts'
import type { AutonatProtocols } from './autonat-client.ts'
import { DIAL, decodeRequest, encodeDialBack, encodeResponse, RESPONSE } from './autonat-wire.ts'
import {
  DIAL_BACK_BURST,
  DIAL_BACK_EVERY_MS,
  DIAL_BACKS_PER_SECOND,
  FIRST_USER_PORT,
  LIMIT_DIAL_BACKS,
  LIMIT_MESSAGE_BYTES,
  SERVE_DEADLINE_MS,
} from './constants.ts'
import { FrameReader, framed } from './frames.ts'
import type { ReachabilityMetrics } from './metrics.ts'

const LIMIT_REMEMBERED = 1024

export interface AutonatServerOptions {
  /** Whether hosts that are no public ones may be dialled back, for networks that live on one machine. */
  readonly isLocalServed: () => boolean
}

export interface AutonatServerComponents {
  readonly host: Pick<Host, 'libp2p' | 'dial' | 'dialPolicy'>
  readonly limits: PeerStreamLimits
  readonly metrics: ReachabilityMetrics
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

/**
 * Dials peers back that want to know whether they can be reached. Only the host that asks is dialled, at a
 * user's port, once in a while: the server of @libp2p/autonat-v2 2.0 dials any host and port for whoever sends it a
 * few KB. Can go when that one dials nobody but who asks, and has a rate.
 */
export class AutonatServer {
  readonly #protocols: AutonatProtocols
  readonly #options: AutonatServerOptions
  readonly #components: AutonatServerComponents
  readonly #clock: Clock
  readonly #bucket: TokenBucket
  readonly #lastAtMs = new BoundedMap<string, number>({ limit: LIMIT_REMEMBERED })
  #running = 0

  constructor(
    protocols: AutonatProtocols,
    options: AutonatServerOptions,
    components: AutonatServerComponents,
  ) {
    this.#protocols = protocols
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#bucket = new TokenBucket({
      capacity: DIAL_BACK_BURST,
      refillPerSecond: DIAL_BACKS_PER_SECOND,
      clock: this.#clock,
    })
  }

  async start(): Promise<void> {
    await this.#components.host.libp2p.handle(
      this.#protocols.request,
      (stream, connection) => this.#serve(stream, connection),
      { maxInboundStreams: 2, maxOutboundStreams: 1 },
    )
  }

  async stop(): Promise<void> {
    await this.#components.host.libp2p.unhandle(this.#protocols.request)
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const { limits, logger } = this.#components
    const peer = connection.remotePeer.toString()
    const peerStream = new Libp2pPeerStream(stream, peer, limits)
    const work = async (signal: AbortSignal) => {
      const message = await new FrameReader(peerStream.chunks(), LIMIT_MESSAGE_BYTES).next()
      const { addresses, nonce } = decodeRequest(message)
      const answer = await this.#answer(connection, addresses, nonce, signal)
      await peerStream.send(framed(encodeResponse(answer)), signal)
      await peerStream.close(signal)
    }
    try {
      await withDeadline(work, { ms: SERVE_DEADLINE_MS, label: 'AutoNAT request' })
    } catch (error) {
      peerStream.abort(new Error('AutoNAT request failed'))
      logger.debug({ peer, error }, 'AutoNAT request failed')
    }
  }

  async #answer(
    connection: Connection,
    addresses: readonly Uint8Array[],
    nonce: bigint,
    signal: AbortSignal,
  ): Promise<{ status: number; dialStatus: number }> {
    const { metrics } = this.#components
    const address = addresses.map(textOf).find((text) => this.#isServed(text, connection))
    if (address == null) {
      metrics.dialedBack('refused')
      return { status: RESPONSE.refused, dialStatus: DIAL.unused }
    }
    if (!this.#mayDial(hostKeyOf(relayClientOf(connection)))) {
      metrics.dialedBack('limited')
      return { status: RESPONSE.rejected, dialStatus: DIAL.unused }
    }
    this.#running++
    try {
      const dialStatus = await this.#dialBack(connection, address, nonce, signal)
      metrics.dialedBack(dialStatus === DIAL.ok ? 'reached' : 'unreached')
      return { status: RESPONSE.ok, dialStatus }
    } finally {
      this.#running--
    }
  }

  /** A TCP or WebSocket address of the very host that asks. */
  #isServed(address: string | null, connection: Connection): address is string {
    if (address === null || isRelayed(connection)) return false
    const target = targetOf(multiaddr(address))
    const source = targetOf(connection.remoteAddr)
    const endpoint = endpointOf(address)
    if (target?.kind !== 'ip' || target.host !== source?.host) return false
    if (endpoint === null || endpoint.layer === 'other' || endpoint.port < FIRST_USER_PORT)
      return false
    const isPublic = classifyIp(target.host) === 'public'
    if (!isPublic && !this.#options.isLocalServed()) return false
    return this.#components.host.dialPolicy.isDialable(address, 'dht')
  }

  /** One host is one asker: peer IDs cost nothing, and many of them would leave nothing to others. */
  #mayDial(host: string): boolean {
    const nowMs = this.#clock.now()
    const passedMs = nowMs - (this.#lastAtMs.peek(host) ?? Number.NEGATIVE_INFINITY)
    // Negative when the clock was set back.
    if (passedMs >= 0 && passedMs < DIAL_BACK_EVERY_MS) return false
    if (this.#running >= LIMIT_DIAL_BACKS) return false
    if (!this.#bucket.tryTake()) return false
    this.#lastAtMs.set(host, nowMs)
    return true
  }

  async #dialBack(
    { remotePeer }: Connection,
    address: string,
    nonce: bigint,
    signal: AbortSignal,
  ): Promise<number> {
    const { host, limits } = this.#components
    let connection: Connection
    try {
      const target = `${address.replace(/\/p2p\/[^/]+$/, '')}/p2p/${remotePeer}`
      connection = await host.dial([target], { force: true, signal })
    } catch {
      return DIAL.dialError
    }
    try {
      const stream = await connection.newStream(this.#protocols.dialBack, { signal })
      const peerStream = new Libp2pPeerStream(stream, remotePeer.toString(), limits)
      await peerStream.send(framed(encodeDialBack(nonce)), signal)
      await new FrameReader(peerStream.chunks(), LIMIT_MESSAGE_BYTES).next()
      await connection.close({ signal })
      return DIAL.ok
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error('dial-back failed'))
      return DIAL.dialBackError
    }
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return multiaddr(bytes).toString()
  } catch {
    return null
  }
}
