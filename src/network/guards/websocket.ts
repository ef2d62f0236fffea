import { Server as HttpServer, type RequestListener } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server, type Socket } from 'node:net'
import type { Listener } from '@libp2p/interface'

import { hearEveryRequest } from '../../lib/every-request.ts'
import { isFunction, isObject, libraryMember } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'
import {
  type FrameLimits,
  frameOptions,
  guardedClass,
  type WebSocketClass,
} from './websocket-conduct.ts'
import { type WaitingOptions, WaitingSockets } from './websocket-waiting.ts'

export interface WebSocketGuardOptions extends WaitingOptions, FrameLimits {
  /** Sockets of the listener, handshakes included. */
  readonly maxConnections: number
}

/**
 * Closes what @libp2p/websockets 10.1 (ws 8.23) leaves open on a listener before anybody is authenticated: messages
 * may have 100 MiB, 16 384 pieces, of which each holds 64 KiB when pongs fill what was read with it, and come in
 * 262 144 reads, which are joined in seconds of work; a socket that sends nothing stays for ever and holds up the
 * listener's close, and sockets of one host may be all that there is room for; requests that ask for no WebSocket are
 * answered by the thousand. Each can go when a release of the library handles it.
 * @param listener a listener of that transport, made with `EVERY_REQUEST`, that does not listen yet
 * @throws NetworkError LIBRARY_CHANGED, at once or as it listens
 */
export function guardWebSocketListener(
  listener: Listener,
  options: WebSocketGuardOptions,
  metrics: NetworkMetrics,
): void {
  const server = libraryMember(listener, 'server', (value) => value instanceof Server)
  const webSocketServer = libraryMember(listener, 'wsServer', isObject)
  const serverOptions = libraryMember(webSocketServer, 'options', isObject)
  const Base = libraryMember(serverOptions, 'WebSocket', isWebSocketClass)
  const waiting = new WaitingSockets(options, metrics)

  Object.assign(serverOptions, {
    ...frameOptions(options),
    WebSocket: guardedClass(Base, {
      limits: options,
      metrics,
      onSocket: (socket) => waiting.release(socket),
    }),
  })
  libraryMember(listener, 'httpRequestHandler', isFunction)
  Reflect.set(
    listener,
    'httpRequestHandler',
    refuseOnce((socket) => waiting.shutOut(socket)),
  )
  const listen = listener.listen.bind(listener)
  listener.listen = async (address) => {
    await listen(address)
    const kind = Reflect.get(listener, 'https') === undefined ? 'http' : 'https'
    hearEveryRequest(libraryMember(listener, kind, isHttpServer))
  }
  server.maxConnections = options.maxConnections
  server.on('connection', (socket) => waiting.add(socket))
  const close = listener.close.bind(listener)
  listener.close = async () => {
    waiting.destroyAll()
    await close()
  }
}

/** Node 24 reads all requests that came in one chunk before anything else has a turn: of a socket one is answered. */
function refuseOnce(onCut: (socket: Socket) => void): RequestListener {
  const answered = new WeakSet<Socket>()
  return ({ socket }, response) => {
    if (socket.destroyed) return
    if (answered.has(socket)) {
      onCut(socket)
      socket.destroy()
      return
    }
    answered.add(socket)
    const headers = { connection: 'close', upgrade: 'websocket', 'content-length': 0 }
    response.writeHead(426, headers).end()
  }
}

function isHttpServer(value: unknown): value is HttpServer | HttpsServer {
  return value instanceof HttpServer || value instanceof HttpsServer
}

function isWebSocketClass(value: unknown): value is WebSocketClass {
  return isFunction(value) && isObject(value.prototype) && 'setSocket' in value.prototype
}
