import type { Socket } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { ShutOut } from '../../lib/shut-out.ts'
import type { HandshakeRates } from '../../tls/index.ts'
import type { NetworkMetrics } from '../metrics.ts'
import { type HandshakeLimits, Handshakes } from './handshakes.ts'
import { type Source, type SourceExemptions, sourceOf } from './source.ts'

export interface WaitingOptions {
  /** From the accepted socket to the WebSocket, ms. */
  readonly upgradeTimeout: number
  /** Sockets that are no WebSocket yet: in all, of a host and of a subnet. */
  readonly waiting: HandshakeLimits
  readonly exemptions: SourceExemptions
  /** How fast TLS may begin; null: the listener has none. */
  readonly handshakeRates: HandshakeRates | null
}

type Metrics = Pick<NetworkMetrics, 'webSocketGuard' | 'inboundRefused' | 'connectionEvicted'>

/** The chunk of requests that went too far costs 50 ms, so that a host that comes back at once is as bad. */
const SHUT_OUT = { ms: 10_000, limit: 4_096 }

/** As much of a connection as is counted before there is one. */
type Arrival = Parameters<Handshakes['begin']>[0]

interface Waiting {
  readonly socket: Socket
  readonly arrival: Arrival
  readonly timer: NodeJS.Timeout
}

/**
 * Accepted sockets that are no WebSocket yet, each with its deadline. The gater of libp2p 3.3 hears of a connection
 * when it is one, so that until then nothing else bounds what one host may open. Can go when it hears of sockets.
 */
export class WaitingSockets {
  readonly #options: WaitingOptions
  readonly #metrics: Metrics
  readonly #arrivals: Handshakes
  readonly #shutOut = new ShutOut(SHUT_OUT)
  // By remote address, because TLS hands on another object for the same socket.
  readonly #sockets = new Map<string, Waiting>()

  constructor(options: WaitingOptions, metrics: Metrics) {
    this.#options = options
    this.#metrics = metrics
    this.#arrivals = new Handshakes(options.waiting, {
      onDropped: () => metrics.connectionEvicted('handshake'),
    })
  }

  /** Destroys the socket when its host, its subnet or all together have too many that wait, or begin TLS too often. */
  add(socket: Socket): void {
    // The library listens to errors only from the first byte on.
    socket.on('error', () => socket.destroy())
    const address = addressOf(socket)
    if (address === null) {
      // Reset before it was accepted.
      socket.destroy()
      return
    }
    const arrival = arrivalOf(socket)
    const source = sourceOf(address, this.#options.exemptions)
    const cap = this.#rateCapOf(source) ?? this.#arrivals.begin(arrival, source)
    if (cap !== null) {
      this.#metrics.inboundRefused(cap)
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    const timer = setTimeout(() => {
      this.#metrics.webSocketGuard('idle-socket')
      socket.destroy()
    }, this.#options.upgradeTimeout)
    timer.unref()
    this.#sockets.set(key, { socket, arrival, timer })
    socket.once('close', () => {
      clearTimeout(timer)
      if (this.#sockets.get(key)?.socket === socket) this.#sockets.delete(key)
    })
  }

  /** Its host, where it is one of the internet, does not come in for some seconds. */
  shutOut(socket: Socket): void {
    const address = addressOf(socket)
    if (address !== null) this.#shutOut.add(sourceOf(address, this.#options.exemptions).host)
  }

  /** It is a WebSocket now, and the gater's. */
  release(socket: Socket): void {
    const key = keyOf(socket)
    const waiting = this.#sockets.get(key)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.#arrivals.end(waiting.arrival)
    this.#sockets.delete(key)
  }

  destroyAll(): void {
    for (const { socket } of [...this.#sockets.values()]) socket.destroy()
  }

  #rateCapOf(source: Source): string | null {
    const { kind, host, subnet: network } = source
    if (kind === 'exempt') return null
    if (kind === 'public' && this.#shutOut.has(host)) return 'shunned-host'
    const { handshakeRates } = this.#options
    return handshakeRates?.refusalOf({ host, network, isShared: kind === 'shared' }) ?? null
  }
}

function arrivalOf(socket: Socket): Arrival {
  const arrival: object = {
    timeline: { open: Date.now() },
    abort: () => socket.destroy(),
    addEventListener: (_: string, listener: () => void) => socket.once('close', listener),
  }
  return arrival as Arrival
}

function addressOf({ remoteAddress, remotePort }: Socket): Multiaddr | null {
  if (remoteAddress === undefined) return null
  // A socket for both families spells IPv4 in IPv6.
  const ip = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${remotePort ?? 0}`)
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}
