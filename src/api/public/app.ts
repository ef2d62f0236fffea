import type { IncomingMessage, RequestListener, Server } from 'node:http'

import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

import { clientAddress } from '../../lib/forwarded.ts'
import { PROTOCOL_VERSION } from '../../wire/signed-bootstrap.ts'
import { answerClientError } from '../http/client-error.ts'
import { JSON_TYPE } from '../http/json-type.ts'
import { type AddressSet, callerKey } from '../http/networks.ts'
import type { RequestLimiter } from '../http/rate-limit.ts'
import type { PublicAccess } from './access.ts'
import type { PublicApp, PublicContext, RegisterPublicRoutes } from './context.ts'
import { PublicError, publicErrorReply } from './errors.ts'
import type { PublicMetrics, PublicOutcome } from './metrics.ts'
import { PUBLIC_ENDPOINTS, type PublicEndpoint } from './options.ts'
import { registerAboutRoute } from './routes/about.ts'
import { registerBootstrapRoute } from './routes/bootstrap.ts'
import { registerRegistryNodesRoute } from './routes/registry-nodes.ts'
import { registerRoutingRoutes } from './routes/routing.ts'
import { otherNetwork } from './told.ts'
import type { Usage } from './usage.ts'

const ROUTES: readonly RegisterPublicRoutes[] = [
  registerAboutRoute,
  registerBootstrapRoute,
  registerRegistryNodesRoute,
  registerRoutingRoutes,
]
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const ALLOW = 'GET, HEAD, OPTIONS'
/** A preflight is remembered for a day; browsers cut it to two hours or so. */
const PREFLIGHT_SECONDS = 86_400

/** Read by pages of any site; nothing here depends on who is logged in where. */
const HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'ETag, Last-Modified, Retry-After, WeSense-Network, WeSense-Protocol',
  'cross-origin-resource-policy': 'cross-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Of every answer; an error may come before the hooks. */
function headersOf(networkName: string): Record<string, string> {
  return {
    ...HEADERS,
    'wesense-network': networkName,
    'wesense-protocol': String(PROTOCOL_VERSION),
  }
}

export interface PublicAppParts {
  readonly context: PublicContext
  readonly access: PublicAccess
  readonly limiter: RequestLimiter
  readonly isTrustedProxy: AddressSet
  readonly metrics: PublicMetrics
  readonly usage: Usage
  /** Makes the server that listens; absent: one without a port, for `inject`. */
  readonly createServer?: (listener: RequestListener) => Server
}

/** The public HTTP application, not yet listening: who it is, gates, routes, errors, counters. */
export function buildPublicApp(parts: PublicAppParts): PublicApp {
  const { context, createServer } = parts
  const onError = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerError(parts, error, request, reply)
  const app: PublicApp = Fastify({
    logger: false,
    bodyLimit: 1,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: onError,
    clientErrorHandler: (error, socket) => {
      if (answerClientError(error, socket) !== null) parts.metrics.answered('other', 'invalid', 0)
    },
    ...(createServer === undefined
      ? {}
      : { serverFactory: (handler: RequestListener) => createServer(handler) }),
  })
  app.removeAllContentTypeParsers()
  // Nobody has anything to send here: what comes is not read.
  app.addContentTypeParser('*', async () => null)
  app.setErrorHandler(onError)
  app.setNotFoundHandler((request) => {
    throw unknownRoute(request)
  })
  addGates(app, parts)
  addCounters(app, parts)
  for (const register of ROUTES) register(app, context)
  return app
}

function addGates(app: PublicApp, parts: PublicAppParts): void {
  const { context, access, limiter, isTrustedProxy, usage, metrics } = parts
  const { networkName } = context
  app.decorateRequest('clientAddress', '')
  app.decorateRequest('isEmptyAnswer', false)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headersOf(networkName))
    request.clientAddress = clientOf(request.raw, isTrustedProxy)
    const limited = limiter.refusal(request.clientAddress)
    if (limited !== null) throw limited
    if (!METHODS.has(request.method)) throw refusedMethod(request)
    if (request.method === 'OPTIONS') return answerOptions(reply)
    const endpoint = endpointOf(request)
    if (endpoint !== null) {
      usage.note(callerKey(request.clientAddress), endpoint)
      if (!context.endpoints.includes(endpoint)) {
        throw new PublicError('NOT_SERVED', `${endpoint} is switched off at this node`)
      }
      const { authorization } = request.headers
      const refused = access.refusal(endpoint, { address: request.clientAddress, authorization })
      if (refused !== null) throw refused
    }
    const other = otherNetwork(request.query as Record<string, unknown>, networkName)
    if (other !== null) {
      metrics.told(other.code === 'OTHER_NETWORK' ? 'network' : 'protocol')
      throw other
    }
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const endpoint = endpointOf(request)
    if (endpoint === null || !access.isRestricted(endpoint)) return payload
    const cacheControl = reply.getHeader('cache-control')
    // Shared caches would hand it to those whom it is not for.
    if (typeof cacheControl === 'string') {
      reply.header('cache-control', cacheControl.replace(/^public/, 'private'))
    }
    return payload
  })
}

function answerOptions(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .headers({
      allow: ALLOW,
      'access-control-allow-methods': ALLOW,
      'access-control-allow-headers': 'Authorization, Accept, If-None-Match, If-Modified-Since',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
      'cache-control': `public, max-age=${PREFLIGHT_SECONDS}`,
    })
    .send()
}

function clientOf(request: IncomingMessage, isTrusted: AddressSet): string {
  const { headers, socket } = request
  const { 'x-forwarded-for': forwardedFor, forwarded } = headers
  const joined = Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor
  const peer = socket.remoteAddress ?? ''
  return clientAddress({ peer, forwardedFor: joined, forwarded }, isTrusted)
}

function endpointOf(request: FastifyRequest): PublicEndpoint | null {
  return request.routeOptions.config.endpoint ?? null
}

/** Of Delegated Routing, whose specification wants 501 for what is not supported. */
function refusedMethod(request: FastifyRequest): PublicError {
  if (pathOf(request).startsWith('/routing/')) {
    return new PublicError('NOT_SERVED', 'nothing can be published here', {
      headers: { allow: ALLOW },
    })
  }
  return new PublicError('METHOD_NOT_ALLOWED', 'this can only be read', {
    headers: { allow: ALLOW },
  })
}

function unknownRoute(request: FastifyRequest): PublicError {
  // As the specification of Delegated Routing wants it.
  if (pathOf(request).startsWith('/routing/')) {
    return new PublicError('ROUTE_UNKNOWN', 'no such call of Delegated Routing V1')
  }
  const paths = PUBLIC_ENDPOINTS.join(', ')
  return new PublicError('ROUTE_NOT_FOUND', `no such path: served are ${paths}, see /`)
}

function pathOf(request: FastifyRequest): string {
  return request.raw.url?.split('?')[0] ?? ''
}

function addCounters(app: PublicApp, { metrics, context }: PublicAppParts): void {
  app.addHook('onResponse', async (request, reply) => {
    const endpoint = endpointOf(request) ?? 'other'
    const outcome = outcomeOf(reply.statusCode, request.isEmptyAnswer)
    const seconds = reply.elapsedTime / 1000
    metrics.answered(endpoint, outcome, seconds)
    const { statusCode: status } = reply
    const client = request.clientAddress
    context.logger.debug({ client, endpoint, status, seconds }, 'answered a public request')
  })
}

function outcomeOf(status: number, isEmpty: boolean): PublicOutcome {
  if (status === 304) return 'not_modified'
  if (status < 400) return isEmpty ? 'empty' : 'ok'
  if (status === 409) return 'told'
  if (status === 401 || status === 403) return 'refused'
  if (status === 429) return 'limited'
  return status < 500 || status === 501 ? 'invalid' : 'failed'
}

function answerError(
  { context }: PublicAppParts,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, body, headers } = publicErrorReply(error)
  if (body.code === 'INTERNAL') {
    context.logger.error({ error, route: request.routeOptions.url }, 'a public request failed')
  }
  // A body that was not read may follow on this connection.
  const hasBody = 'transfer-encoding' in request.headers || 'content-length' in request.headers
  if (hasBody && request.headers['content-length'] !== '0') reply.header('connection', 'close')
  return reply
    .code(status)
    .headers({ ...headersOf(context.networkName), 'cache-control': 'no-store', ...headers })
    .type(JSON_TYPE)
    .send(JSON.stringify(body))
}
