import { systemClock } from '../lib/clock.ts'
import { systemWords } from '../lib/system-errors.ts'
import { buildApp } from './app.ts'
import { boundedEntries, boundedWriter } from './bounded-writer.ts'
import { ApiError, HttpError } from './errors.ts'
import { createAccessPolicy } from './http/access.ts'
import { boundAddress, closeInTime, countConnections } from './http/listening.ts'
import { RequestLimiter } from './http/rate-limit.ts'
import { TokenAttempts } from './http/token-attempts.ts'
import { createApiMetrics } from './metrics.ts'
import {
  type ApiAddress,
  type ApiComponents,
  type ApiLimits,
  type ApiOptions,
  type ApiService,
  DEFAULT_API_LIMITS,
} from './options.ts'
import type { ApiApp } from './routes/context.ts'

/** Makes the operator's API; nothing listens before `start()`. @throws ApiError `INVALID_NETWORK`. */
export function createApi(options: ApiOptions, components: ApiComponents): ApiService {
  return new HttpApi(options, components)
}

class HttpApi implements ApiService {
  readonly #options: ApiOptions
  readonly #limits: ApiLimits
  readonly #components: ApiComponents
  readonly #build: (signal: AbortSignal) => ApiApp
  #app: ApiApp | null = null
  #stopped = new AbortController()
  #starting: Promise<ApiAddress> | null = null
  #stopping: Promise<void> | null = null

  constructor(options: ApiOptions, components: ApiComponents) {
    this.#options = options
    this.#components = components
    this.#limits = { ...DEFAULT_API_LIMITS, ...options.limits }
    const clock = components.clock ?? systemClock
    const access = createAccessPolicy({ ...options, allowedHosts: options.allowedHosts ?? [] })
    const { rateLimitPerMinute: perMinute, bodyLimitBytes } = options
    const { maxCallers, wrongTokensPerMinute } = this.#limits
    const limiter = new RequestLimiter({ perMinute, maxCallers, clock })
    const attempts = new TokenAttempts({
      perMinute: wrongTokensPerMinute,
      maxCallers,
      clock,
      logger: components.logger,
    })
    const metrics = createApiMetrics(components.metrics, () => countConnections(this.#app?.server))
    const context = {
      registry: components.registry.view,
      trust: components.registry.trust,
      clock,
      consensusThreshold: options.consensusThreshold,
      nodeStatus: () => components.nodeStatus(),
      whereabouts: () => components.whereabouts(),
      peers: () => components.peers(),
      readiness: () => components.readiness(),
      relay: () => components.relay(),
      bans: components.bans,
      metricsText: () => components.metricsText(),
      ...(components.snapshot === undefined ? {} : { snapshot: components.snapshot }),
      logger: components.logger,
      metrics: components.metrics,
    }
    this.#build = (signal) => {
      const bounds = { timeoutMs: this.#limits.registryTimeoutMs, signal }
      const writer = boundedWriter(components.registry.writer, bounds)
      return buildApp({
        context: { ...context, writer, entryBytes: boundedEntries(components.registry, bounds) },
        access,
        limiter,
        attempts,
        metrics,
        limits: this.#limits,
        bodyLimitBytes,
      })
    }
  }

  start(): Promise<ApiAddress> {
    this.#starting ??= this.#listen().catch((error: unknown) => {
      this.#starting = null
      throw error
    })
    return this.#starting
  }

  address(): ApiAddress | null {
    return this.#app === null ? null : boundAddress(this.#app.server)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close().finally(() => {
      this.#stopping = null
    })
    return this.#stopping
  }

  async #listen(): Promise<ApiAddress> {
    await this.#stopping
    const { port } = this.#options
    // Fastify listens on both loopbacks for this name, with a second server that knows none of ours.
    const host = this.#options.host === 'localhost' ? '127.0.0.1' : this.#options.host
    this.#stopped = new AbortController()
    const app = this.#build(this.#stopped.signal)
    try {
      await app.listen({ host, port })
    } catch (cause) {
      await app.close()
      throw listenError(host, port, cause)
    }
    this.#app = app
    const address = boundAddress(app.server) ?? { host, port }
    this.#components.logger.info({ ...address }, 'HTTP API is listening')
    return address
  }

  async #close(): Promise<void> {
    // A start under way ends first, whichever way, so that nothing is left listening.
    await this.#starting?.catch(() => {})
    this.#starting = null
    const app = this.#app
    this.#app = null
    if (app === null) return
    const { stopGraceMs: graceMs, stopTimeoutMs: timeoutMs } = this.#limits
    await closeInTime(app, {
      name: 'HTTP API',
      graceMs,
      timeoutMs,
      logger: this.#components.logger,
      onCut: () => this.#stopped.abort(new HttpError('CLOSED', 'the station is stopping')),
    })
  }
}

function listenError(host: string, port: number, cause: unknown): ApiError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const facts = { host, port, reason, listener: 'api' }
  if (reason === 'EADDRINUSE') {
    return new ApiError('PORT_IN_USE', `API port ${port} on ${host} is in use`, facts, cause)
  }
  const message = `the API cannot listen on ${host} port ${port}: ${systemWords(reason) ?? reason}`
  return new ApiError('LISTEN_FAILED', message, facts, cause)
}
