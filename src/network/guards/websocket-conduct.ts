import type { Socket } from 'node:net'

import { TokenBucket } from '../../lib/token-bucket.ts'
import { NetworkError } from '../errors.ts'
import type { NetworkMetrics } from '../metrics.ts'
import type { Rate } from './yamux-limits.ts'

/** What the other end of a WebSocket may send. */
export interface FrameLimits {
  /** Bytes of one message; a larger one closes the socket with code 1009. */
  readonly maxPayload: number
  /** Pieces of one message; one more closes the socket with code 1008. */
  readonly maxFragments: number
  /** Reads that a frame may come in; one more closes the socket with code 1008. */
  readonly maxBufferedChunks: number
  /** Pings, pongs and messages of nothing. */
  readonly idleFrames: Rate
}

export interface ConductParts {
  readonly limits: Pick<FrameLimits, 'idleFrames'>
  readonly metrics: Pick<NetworkMetrics, 'webSocketGuard'>
  /** The WebSocket begins on it. */
  readonly onSocket?: (socket: Socket) => void
}

/** What the guard uses of a WebSocket of `ws`. */
interface RawWebSocket {
  on(event: 'error', listener: (error: Error) => void): unknown
  emit(event: string | symbol, ...args: unknown[]): boolean
  terminate(): void
  close(code?: number, data?: string): void
  setSocket(socket: Socket, head: Buffer, options: object): void
}
export type WebSocketClass = new (...args: never[]) => RawWebSocket

/** RFC 6455 reserves it for a connection that was lost, so `ws` refuses to send it. */
const ABNORMAL_CLOSURE = 1006

/** As options of `ws`. */
export function frameOptions({ maxPayload, maxFragments, maxBufferedChunks }: FrameLimits) {
  return { maxPayload, maxFragments, maxBufferedChunks }
}

/**
 * Closes what ws 8.23 and @libp2p/websockets 10.1 leave open on a WebSocket: a frame error that nobody listens to
 * ends the process; an abort closes with code 1006, which `ws` refuses, so that the socket stays; frames without
 * content are looked at, and pings answered, as fast as they come. Each can go when the libraries handle it.
 */
export function guardedClass<C extends WebSocketClass>(Base: C, parts: ConductParts): C {
  const { limits, metrics, onSocket } = parts
  const RawClass: WebSocketClass = Base
  class GuardedWebSocket extends RawClass {
    readonly #idleFrames = new TokenBucket({
      capacity: limits.idleFrames.burst,
      refillPerSecond: limits.idleFrames.perSecond,
    })
    #isBad = false

    constructor(...args: never[]) {
      super(...args)
      this.on('error', () => {
        if (!this.#isBad) metrics.webSocketGuard('bad-frame')
        this.#isBad = true
        this.terminate()
      })
    }

    override setSocket(socket: Socket, head: Buffer, options: object): void {
      onSocket?.(socket)
      super.setSocket(socket, head, options)
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
      if (!isIdleFrame(event, args)) {
        // What was read together with the bad frame.
        if (this.#isBad && event === 'message') return false
        return super.emit(event, ...args)
      }
      if (!this.#isBad && !this.#idleFrames.tryTake()) {
        super.emit('error', new NetworkError('STREAM_REFUSED', 'frames without content come'))
      }
      return event === 'message' ? false : super.emit(event, ...args)
    }

    override close(code?: number, data?: string): void {
      if (code !== ABNORMAL_CLOSURE) {
        super.close(code, data)
        return
      }
      metrics.webSocketGuard('abort')
      this.terminate()
    }
  }
  return GuardedWebSocket as WebSocketClass as C
}

function isIdleFrame(event: string | symbol, [data]: readonly unknown[]): boolean {
  if (event === 'ping' || event === 'pong') return true
  if (event !== 'message') return false
  return (data instanceof ArrayBuffer || data instanceof Uint8Array) && data.byteLength === 0
}
