import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'

import { EVERY_REQUEST } from '../../lib/every-request.ts'
import type { CertificatePair, HandshakeRates } from '../../tls/index.ts'
import { type AddressSet, callerKey, callerNetwork } from '../http/networks.ts'
import { limitPipelining } from '../http/pipelining.ts'
import type { PublicLimits } from './options.ts'

export interface ListenerParts {
  readonly limits: PublicLimits
  readonly isTrustedProxy: AddressSet
  /** null: plain HTTP. */
  readonly pair: CertificatePair | null
  /** How fast TLS handshakes may begin, those of trusted proxies not counted. */
  readonly handshakeRates: HandshakeRates
  onRefused(): void
}

/** The server of the public listener, with a bound on everything a stranger can hold. */
export function createListener(handler: RequestListener, parts: ListenerParts): Server {
  const { limits, pair } = parts
  const options = {
    ...EVERY_REQUEST,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: limits.checkIntervalMs,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
  }
  const server =
    pair === null
      ? createServer(options, handler)
      : createSecureServer(
          { ...options, ...pair, minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTimeoutMs },
          handler,
        )
  serveOpenSocketsAlone(server)
  server.setTimeout(limits.idleTimeoutMs)
  server.maxConnections = limits.maxConnections
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket
  // Node 24 says "Connection: close" with the last answer and then waits for the client to do it.
  server.on('dropRequest', (_request, socket) => socket.destroy())
  limitPipelining(server, { isExempt: parts.isTrustedProxy })
  capByClient(server, parts)
  return server
}

/** Gives the renewed pair to handshakes to come; connections that are open stay. */
export function renewCertificate(server: Server, { cert, key }: CertificatePair): void {
  if (server instanceof SecureServer) server.setSecureContext({ cert, key })
}

/** Node 24 makes a TLS socket even of one that was destroyed before its turn, which is most of the work of a refusal. */
function serveOpenSocketsAlone(server: Server): void {
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (socket.destroyed) return
    for (const listener of listeners) Reflect.apply(listener, server, [socket])
  })
}

function capByClient(server: Server, parts: ListenerParts): void {
  const { limits, isTrustedProxy, onRefused } = parts
  // Twice as many keys as there are sockets at most.
  const open = new Map<string, number>()
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (isTrustedProxy(address)) return
    const [host, network] = [callerKey(address), callerNetwork(address)]
    const held = [
      { key: host, most: limits.maxConnectionsPerClient },
      { key: network, most: limits.maxConnectionsPerNetwork },
    ]
    const isTooMany =
      held.some(({ key, most }) => (open.get(key) ?? 0) >= most) ||
      (parts.pair !== null &&
        parts.handshakeRates.refusalOf({ host, network, isShared: false }) !== null)
    if (isTooMany) {
      onRefused()
      socket.destroy()
      return
    }
    for (const { key } of held) open.set(key, (open.get(key) ?? 0) + 1)
    socket.once('close', () => {
      for (const { key } of held) {
        const left = (open.get(key) ?? 1) - 1
        if (left > 0) open.set(key, left)
        else open.delete(key)
      }
    })
  })
}
