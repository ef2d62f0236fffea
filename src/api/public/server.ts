import { systemClock } from '../../lib/clock.ts'
import { systemWords } from '../../lib/system-errors.ts'
import { HandshakeRates } from '../../tls/index.ts'
import { ApiError } from '../errors.ts'
import { boundAddress, closeInTime, countConnections } from '../http/listening.ts'
import { type AddressSet, addressSet } from '../http/networks.ts'
import { RequestLimiter } from '../http/rate-limit.ts'
import type { ApiAddress } from '../options.ts'
import { createPublicAccess, type PublicAccess } from './access.ts'
import { buildPublicApp } from './app.ts'
import type { PublicApp } from './context.ts'
import { EntryPages } from './entry-pages.ts'
import { createListener, renewCertificate } from './listener.ts'
import { createPublicMetrics, type PublicMetrics } from './metrics.ts'
import {
  DEFAULT_PUBLIC_LIMITS,
  type PublicApiComponents,
  type PublicApiOptions,
  type PublicApiService,
  type PublicLimits,
  type PublicStatus,
} from './options.ts'
import { Outgoing } from './outgoing.ts'
import { Usage } from './usage.ts'

/** Makes the public listener; nothing listens before `start()`. @throws ApiError `INVALID_NETWORK`. */
export function createPublicApi(
  options: PublicApiOptions,
  components: PublicApiComponents,
): PublicApiService {
  return new PublicApi(options, components)
}

class PublicApi implements PublicApiService {
  readonly #options: PublicApiOptions
  readonly #components: PublicApiComponents
  readonly #limits: PublicLimits
  readonly #access: PublicAccess
  readonly #isTrustedProxy: AddressSet
  readonly #limiter: RequestLimiter
  readonly #handshakeRates: HandshakeRates
  readonly #usage: Usage
  readonly #nodes: EntryPages
  readonly #metrics: PublicMetrics
  #app: PublicApp | null = null
  #stopped = new AbortController()
  #unsubscribe: (() => void) | null = null
  #starting: Promise<ApiAddress> | null = null
  #stopping: Promise<void> | null = null

  constructor(options: PublicApiOptions, components: PublicApiComponents) {
    const { clock = systemClock, registry } = components
    this.#options = options
    this.#components = components
    this.#limits = { ...DEFAULT_PUBLIC_LIMITS, ...options.limits }
    this.#access = createPublicAccess(options)
    this.#isTrustedProxy = addressSet(options.trustedProxies)
    this.#handshakeRates = components.handshakeRates ?? new HandshakeRates()
    const { maxCallers } = this.#limits
    this.#limiter = new RequestLimiter({ perMinute: options.rateLimitPerMinute, maxCallers, clock })
    this.#usage = new Usage(options.endpoints, clock)
    this.#nodes = new EntryPages(options.networkName, {
      view: registry.view,
      entriesOf: (hashes) => registry.entriesOf(hashes),
      clock,
    })
    this.#metrics = createPublicMetrics(components.metrics, () =>
      countConnections(this.#app?.server),
    )
  }

  start(): Promise<ApiAddress> {
    this.#starting ??= this.#listen().catch((error: unknown) => {
      this.#starting = null
      throw error
    })
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close().finally(() => {
      this.#stopping = null
    })
    return this.#stopping
  }

  status(): PublicStatus | null {
    const address = this.#app === null ? null : boundAddress(this.#app.server)
    if (address === null) return null
    return {
      address,
      isSecure: this.#components.certificates !== null,
      endpoints: this.#options.endpoints.map((name) => ({
        name,
        isRestricted: this.#access.isRestricted(name),
      })),
      usage: this.#usage.report(),
    }
  }

  async #listen(): Promise<ApiAddress> {
    await this.#stopping
    const { host, port } = this.#options
    this.#stopped = new AbortController()
    try {
      return await this.#listenOn(host)
    } catch (cause) {
      if (host !== '::' || reasonOf(cause) !== 'EAFNOSUPPORT') throw listenError(host, port, cause)
    }
    try {
      return await this.#listenOn('0.0.0.0')
    } catch (cause) {
      throw listenError('0.0.0.0', port, cause)
    }
  }

  async #listenOn(host: string): Promise<ApiAddress> {
    const { port } = this.#options
    const { certificates, logger } = this.#components
    const app = this.#build()
    try {
      await app.listen({ host, port })
    } catch (error) {
      await app.close()
      throw error
    }
    this.#app = app
    this.#unsubscribe =
      certificates?.onRenewed((pair) => renewCertificate(app.server, pair)) ?? null
    const address = boundAddress(app.server) ?? { host, port }
    const scheme = certificates === null ? 'http' : 'https'
    logger.info({ ...address, scheme }, 'Public HTTP is listening')
    return address
  }

  #build(): PublicApp {
    const { clock = systemClock, certificates, bootstrap, findPeer, logger } = this.#components
    const limits = this.#limits
    const isTrustedProxy = this.#isTrustedProxy
    return buildPublicApp({
      context: {
        ...this.#options,
        bootstrap: () => bootstrap(),
        findPeer: (peerId, signal) => findPeer(peerId, signal),
        logger,
        clock,
        nodes: this.#nodes,
        outgoing: new Outgoing(),
        answerTimeoutMs: limits.answerTimeoutMs,
        signal: this.#stopped.signal,
      },
      access: this.#access,
      limiter: this.#limiter,
      isTrustedProxy,
      metrics: this.#metrics,
      usage: this.#usage,
      createServer: (handler) =>
        createListener(handler, {
          limits,
          isTrustedProxy,
          pair: certificates?.current() ?? null,
          handshakeRates: this.#handshakeRates,
          onRefused: () => this.#metrics.connectionRefused(),
        }),
    })
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => {})
    this.#starting = null
    this.#unsubscribe?.()
    this.#unsubscribe = null
    const app = this.#app
    this.#app = null
    if (app === null) return
    const { stopGraceMs: graceMs, stopTimeoutMs: timeoutMs } = this.#limits
    await closeInTime(app, {
      name: 'Public HTTP',
      graceMs,
      timeoutMs,
      logger: this.#components.logger,
      onCut: () => this.#stopped.abort(new Error('the node is stopping')),
    })
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
}

function listenError(host: string, port: number, cause: unknown): ApiError {
  const reason = reasonOf(cause)
  const facts = { host, port, reason, listener: 'public' }
  if (reason === 'EADDRINUSE') {
    return new ApiError('PORT_IN_USE', `public port ${port} on ${host} is in use`, facts, cause)
  }
  const message = `public HTTP cannot listen on ${host} port ${port}: ${systemWords(reason) ?? reason}`
  return new ApiError('LISTEN_FAILED', message, facts, cause)
}
