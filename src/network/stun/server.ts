import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

import { type Clock, systemClock } from '../../lib/clock.ts'
import { systemWords } from '../../lib/system-errors.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { TokenBuckets } from '../../lib/token-buckets.ts'
import type { Logger } from '../../telemetry/index.ts'
import { normalizeHost } from '../address-class.ts'
import { hasIpv6 } from '../addresses.ts'
import { NetworkError } from '../errors.ts'
import { sourceKeys } from '../guards/inbound-caps.ts'
import { bindingAnswer, parseBindingRequest } from './message.ts'
import type { StunMetrics, StunOutcome } from './metrics.ts'

export interface StunOptions {
  /** IPs to listen on; `0.0.0.0` and `::` for every interface of a family. */
  readonly hosts: readonly string[]
  /** UDP; 0 takes any free port. */
  readonly port: number
  readonly rates: StunRates
}

export interface StunRates {
  /** Requests a second that one host (IPv4 address, IPv6 /64) is answered, after a burst of `hostBurst`. */
  readonly hostPerSecond: number
  readonly hostBurst: number
  /** Requests a second that are answered in all, with a burst of as many. */
  readonly totalPerSecond: number
  /** Hosts counted; the one longest silent is forgotten. */
  readonly maxHosts: number
}

/**
 * A browser asks twice for each interface and connection, and again each half minute while it listens:
 * forty browsers behind one address fit. The answer to 20 bytes has 32 (IPv6: 44), so that who forges a
 * sender's address gains nothing; what is answered in all is 44 KB a second.
 */
export const STUN_RATES: StunRates = {
  hostPerSecond: 20,
  hostBurst: 100,
  totalPerSecond: 1000,
  maxHosts: 4096,
}

export interface StunStatus {
  readonly addresses: readonly { readonly ip: string; readonly port: number }[]
  /** Since the start of the process, as `refused`. */
  readonly answered: number
  readonly refused: number
}

export interface StunComponents {
  readonly metrics: StunMetrics
  readonly logger: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

/**
 * Tells whoever asks the address that they are seen from: what browsers need to connect with each other
 * through their NATs. Keeps nothing of a client but its rate.
 */
export class StunServer {
  readonly #options: StunOptions
  readonly #components: StunComponents
  readonly #total: TokenBucket
  readonly #hosts: TokenBuckets
  #sockets: Socket[] = []
  #answered = 0
  #refused = 0

  constructor(options: StunOptions, components: StunComponents) {
    const { totalPerSecond, maxHosts, hostBurst, hostPerSecond } = options.rates
    this.#options = options
    this.#components = components
    const { clock = systemClock } = components
    this.#total = new TokenBucket({
      capacity: totalPerSecond,
      refillPerSecond: totalPerSecond,
      clock,
    })
    this.#hosts = new TokenBuckets({
      limit: maxHosts,
      capacity: hostBurst,
      refillPerSecond: hostPerSecond,
      clock,
    })
  }

  /** Where it listens, as `ip:port`; empty while it does not. */
  get addresses(): { readonly ip: string; readonly port: number }[] {
    return this.#sockets.map((socket) => {
      const { address: ip, port } = socket.address()
      return { ip, port }
    })
  }

  status(): StunStatus {
    return { addresses: this.addresses, answered: this.#answered, refused: this.#refused }
  }

  /** Callable twice. @throws NetworkError PORT_IN_USE, LISTEN_FAILED */
  async start(): Promise<void> {
    if (this.#sockets.length > 0) return
    try {
      const isIpv6Usable = await hasIpv6()
      const hosts = this.#options.hosts.filter((host) => host !== '::' || isIpv6Usable)
      for (const host of hosts) this.#sockets.push(await this.#bind(host))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Callable twice, and after a failed start. */
  async stop(): Promise<void> {
    const sockets = this.#sockets
    this.#sockets = []
    for (const socket of sockets) {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
    this.#hosts.clear()
  }

  async #bind(host: string): Promise<Socket> {
    // All families of a machine share a port that any of them was given.
    const port = this.#options.port === 0 ? (this.addresses[0]?.port ?? 0) : this.#options.port
    const socket = isIPv6(host)
      ? createSocket({ type: 'udp6', ipv6Only: true })
      : createSocket({ type: 'udp4' })
    try {
      const bound = once(socket, 'listening')
      socket.bind(port, host)
      await bound
    } catch (error) {
      socket.close()
      throw listenError(error, host, port)
    }
    // ICMP errors of clients that are gone come in here.
    socket.on('error', (error) => this.#components.logger.debug({ error }, 'STUN socket error'))
    socket.on('message', (datagram, from) => this.#note(this.#answer(socket, datagram, from)))
    return socket
  }

  #note(outcome: StunOutcome): void {
    if (outcome === 'answered') this.#answered += 1
    else this.#refused += 1
    this.#components.metrics.request(outcome)
  }

  #answer(socket: Socket, datagram: Buffer, from: RemoteInfo): StunOutcome {
    const request = parseBindingRequest(datagram)
    if (typeof request === 'string') return request
    // Nobody can be answered there, and Node throws at the attempt.
    if (from.port === 0) return 'not-binding'
    // The host first: what it sends beyond its own rate takes nothing of what all have.
    if (!this.#hosts.tryTake(sourceKeys(normalizeHost(from.address)).host)) return 'host-rate'
    if (!this.#total.tryTake()) return 'total-rate'
    // Nothing to wait for, and nobody to tell: the client asks again.
    socket.send(bindingAnswer(request, from.address, from.port), from.port, from.address, () => {})
    return request.unknown.length > 0 ? 'refused-attribute' : 'answered'
  }
}

function listenError(error: unknown, host: string, port: number): NetworkError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  const facts = { host, port, reason: code, listener: 'peers' }
  if (code === 'EADDRINUSE') {
    const message = `UDP port ${port} is in use: cannot serve STUN on ${host}`
    return new NetworkError('PORT_IN_USE', message, facts, error)
  }
  const message = `cannot serve STUN on ${host}: ${systemWords(code) ?? code}`
  return new NetworkError('LISTEN_FAILED', message, facts, error)
}
