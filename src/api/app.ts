import type { IncomingMessage } from 'node:http'

import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

import { EVERY_REQUEST } from '../lib/every-request.ts'
import { HttpError } from './errors.ts'
import { type AccessPolicy, bearerToken } from './http/access.ts'
import { answerClientError } from './http/client-error.ts'
import { guardConnections } from './http/connection-guard.ts'
import { type ErrorReply, errorReply } from './http/error-reply.ts'
import { readJsonBody } from './http/json-body.ts'
import { JSON_TYPE } from './http/json-type.ts'
import { limitPipelining } from './http/pipelining.ts'
import type { RequestLimiter } from './http/rate-limit.ts'
import { SECURITY_HEADERS } from './http/security-headers.ts'
import type { TokenAttempts } from './http/token-attempts.ts'
import { validatorCompiler } from './http/validation.ts'
import type { ApiMetrics } from './metrics.ts'
import type { ApiLimits } from './options.ts'
import type { ApiApp, RouteContext } from './routes/context.ts'
import { ROUTES } from './routes/index.ts'

export interface AppParts {
  readonly context: RouteContext
  readonly access: AccessPolicy
  readonly limiter: RequestLimiter
  readonly attempts: TokenAttempts
  readonly metrics: ApiMetrics
  readonly limits: ApiLimits
  readonly bodyLimitBytes: number
}

/** The HTTP application, not yet listening: gates, body, routes, errors, counters, in that order. */
export function buildApp(parts: AppParts): ApiApp {
  const { context, limits, metrics } = parts
  const onError = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerError(parts, errorReply(error), { error, request, reply })
  const app: ApiApp = Fastify({
    logger: false,
    bodyLimit: parts.bodyLimitBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.idleTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.maxRequestsPerSocket,
    http: {
      ...EVERY_REQUEST,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    },
    // Requests that came in before stop() are answered; the sockets are cut after a grace.
    return503OnClosing: false,
    // An ID of 256 characters, each percent-encoded; its schema does the real check.
    routerOptions: { maxParamLength: 3 * 256 },
    frameworkErrors: onError,
    clientErrorHandler: (error, socket) => {
      const code = answerClientError(error, socket)
      if (code !== null) metrics.failed(code)
    },
  })
  app.server.maxConnections = limits.maxConnections
  guardConnections(app.server, {
    maxStrangers: limits.maxStrangerConnections,
    maxPerCaller: limits.maxConnectionsPerCaller,
    maxPerStranger: limits.maxConnectionsPerStranger,
    isKnown: (address) => parts.access.isKnown(address),
    onRefused: () => metrics.refusedConnection(),
  })
  limitPipelining(app.server, { isExempt: (address) => parts.access.isKnown(address) })
  // Node 24 says "Connection: close" with the last answer and then waits for the client to do it.
  app.server.on('dropRequest', (_request, socket) => socket.destroy())
  app.setValidatorCompiler(validatorCompiler)
  // Handlers are typed by their schemas, so building serializers from these would only cost memory.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.setErrorHandler(onError)
  app.setNotFoundHandler(() => {
    throw new HttpError('ROUTE_NOT_FOUND', 'no such route: see /openapi.json')
  })
  addGates(app, parts)
  addJsonParser(app, parts)
  addCounters(app, parts)
  for (const register of ROUTES) register(app, context)
  return app
}

function addGates(app: ApiApp, parts: AppParts): void {
  app.decorateRequest('hasAccess', false)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    const isOpen = request.routeOptions.config.isOpen === true
    const limited = isOpen ? null : parts.limiter.refusal(request.socket.remoteAddress ?? '')
    if (limited !== null) throw limited
    const refused = refusal(parts, request)
    if (refused !== null && !isOpen) throw refused
    request.hasAccess = refused === null
  })
}

/** What the caller gets instead of an answer. An open route counts guesses as well: it would tell. */
function refusal({ access, attempts }: AppParts, request: FastifyRequest): HttpError | null {
  const address = request.socket.remoteAddress
  const { authorization, host, origin } = request.headers
  const isGuess = bearerToken(authorization) !== null && !access.isKnown(address)
  const spent = isGuess ? attempts.refusal(address ?? '') : null
  if (spent !== null) return spent
  const refused = access.refusal({
    address,
    authorization,
    host,
    origin,
    fetch: {
      method: request.method,
      site: header(request, 'sec-fetch-site'),
      mode: header(request, 'sec-fetch-mode'),
      dest: header(request, 'sec-fetch-dest'),
    },
  })
  if (refused?.code === 'TOKEN_INVALID') attempts.failed(address ?? '')
  return refused
}

/** Node joins a header that is sent twice; of these neither value is then one that is allowed. */
function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join() : value
}

function addJsonParser(app: ApiApp, { bodyLimitBytes, limits }: AppParts): void {
  const defaultParse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  const parse = (request: FastifyRequest, payload: IncomingMessage) =>
    readJsonBody(payload, {
      limitBytes: bodyLimitBytes,
      drainLimitBytes: limits.drainLimitBytes,
      parse: (text) => {
        let parsed: unknown
        // Answers before it returns; the signature is a callback's for historical reasons.
        defaultParse(request, text, (error, value) => {
          if (error !== null) throw error
          parsed = value
        })
        return parsed
      },
    })
  app.addContentTypeParser('application/json', parse)
}

function addCounters(app: ApiApp, { metrics, context }: AppParts): void {
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request
    const route = request.routeOptions.url
    const status = reply.statusCode
    const seconds = reply.elapsedTime / 1000
    metrics.answered({ method, route, status, seconds })
    context.logger.debug({ method, route, status, seconds }, 'answered a request')
  })
}

interface Failure {
  readonly error: unknown
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

function answerError(parts: AppParts, answer: ErrorReply, failure: Failure): FastifyReply {
  const { error, request, reply } = failure
  parts.metrics.failed(answer.body.code)
  if (answer.body.code === 'INTERNAL') {
    const { url: route } = request.routeOptions
    parts.context.logger.error({ error, route }, 'a request failed')
  }
  // Fastify 5.12 closes the connection on any body error, lest the rest of the body be read as a
  // request. Where the body was read to its end there is no rest.
  if (request.raw.complete) reply.removeHeader('connection')
  // Again: what fails before its hooks ran, a path that is no URL, has none of them yet.
  return reply
    .code(answer.status)
    .headers(SECURITY_HEADERS)
    .headers(answer.headers)
    .type(JSON_TYPE)
    .send(JSON.stringify(answer.body))
}
