import { Server, type Socket } from 'node:net'
import type { Listener } from '@libp2p/interface'

import { isFunction, isObject, libraryMember } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'
import { type WaitingOptions, WaitingSockets } from './websocket-waiting.ts'

export interface WebSocketGuardOptions extends WaitingOptions {
  /** Bytes of one message; a larger one closes the socket with code 1009. */
  readonly maxPayload: number
  /** Pieces of one message; one more closes the socket with code 1008. */
  readonly maxFragments: number
  /** Sockets of the listener, handshakes included. */
  readonly maxConnections: number
}

/** What the guard uses of a server-side WebSocket of `ws`. */
interface ServerWebSocket {
  on(event: 'error', listener: (error: Error) => void): unknown
  terminate(): void
  close(code?: number, data?: string): void
  setSocket(socket: Socket, head: Buffer, options: object): void
}
type ServerWebSocketClass = new (...args: never[]) => ServerWebSocket

/** RFC 6455 reserves it for a connection that was lost, so `ws` refuses to send it. */
const ABNORMAL_CLOSURE = 1006

/**
 * Closes what @libp2p/websockets 10.1 (ws 8.23) leaves open on a listener: a frame error that nobody
 * listens to ends the process; an abort closes with code 1006, which `ws` refuses, so that the socket
 * stays; messages may have 100 MiB and 16 384 pieces, of which each holds 64 KiB when pongs fill what was read with it,
 * before anybody is authenticated; a socket that sends nothing stays for ever and holds up the listener's close, and
 * sockets of one host may be all that there is room for. Each can go when a release of the library handles it.
 * @param listener a listener of that transport that does not listen yet
 * @throws NetworkError LIBRARY_CHANGED
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
    maxPayload: options.maxPayload,
    maxFragments: options.maxFragments,
    WebSocket: guardedClass(Base, { waiting, metrics }),
  })
  server.maxConnections = options.maxConnections
  server.on('connection', (socket) => waiting.add(socket))
  const close = listener.close.bind(listener)
  listener.close = async () => {
    waiting.destroyAll()
    await close()
  }
}

function isWebSocketClass(value: unknown): value is ServerWebSocketClass {
  return isFunction(value) && isObject(value.prototype) && 'setSocket' in value.prototype
}

interface GuardParts {
  readonly waiting: WaitingSockets
  readonly metrics: NetworkMetrics
}

function guardedClass(Base: ServerWebSocketClass, parts: GuardParts): ServerWebSocketClass {
  return class GuardedWebSocket extends Base {
    constructor(...args: never[]) {
      super(...args)
      this.on('error', () => {
        parts.metrics.webSocketGuard('bad-frame')
        this.terminate()
      })
    }

    override setSocket(socket: Socket, head: Buffer, options: object): void {
      parts.waiting.release(socket)
      super.setSocket(socket, head, options)
    }

    override close(code?: number, data?: string): void {
      if (code !== ABNORMAL_CLOSURE) {
        super.close(code, data)
        return
      }
      parts.metrics.webSocketGuard('abort')
      this.terminate()
    }
  }
}
