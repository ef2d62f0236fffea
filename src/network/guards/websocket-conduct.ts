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
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  on(event: 'error' | 'close', listener: (error: unknown) => void): unknown
  emit(event: string | symbol, ...args: unknown[]): boolean
  terminate(): void
  close(code?: number, data?: string): void
  send(...args: never[]): void
  setSocket(socket: Socket, head: Buffer, options: object): void
}
export type WebSocketClass = new (...args: never[]) => RawWebSocket

/** RFC 6455 reserves it for a connection that was lost, so `ws` refuses to send it. */
const ABNORMAL_CLOSURE = 1006
/** For the other end to close too, once all is sent to it. */
const CLOSE_MS = 1_000
/** For what is still to be sent: 2 MiB at 2 Mbit/s. */
const FLUSH_MS = 10_000

/** As options of `ws`. */
export function frameOptions({ maxPayload, maxFragments, maxBufferedChunks }: FrameLimits) {
  return { maxPayload, maxFragments, maxBufferedChunks, closeTimeout: FLUSH_MS }
}

/**
 * Closes what ws 8.23 and @libp2p/websockets 10.1 leave open on a WebSocket: a frame error that nobody listens to
 * ends the process; an abort closes with code 1006, which `ws` refuses, so that the socket stays; one that is
 * closed waits 30 s for an answer, counted nowhere, so that a few hosts hold all there are by saying nothing; frames
 * without content are looked at, and pings answered, as fast as they come. Each can go when the libraries handle it.
 */
export function guardedClass<C extends WebSocketClass>(Base: C, parts: ConductParts): C {
  const { limits, metrics, onSocket } = parts
  const RawClass: WebSocketClass = Base
  class GuardedWebSocket extends RawClass {
    readonly #idleFrames = new TokenBucket({
      capacity: limits.idleFrames.burst,
      refillPerSecond: limits.idleFrames.perSecond,
    })
    #isWebSocket = false
    #isBad = false
    #hasSent = false
    #closing: NodeJS.Timeout | null = null

    constructor(...args: never[]) {
      super(...args)
      this.on('error', () => {
        // Before it is one, what went wrong is the dial.
        if (this.#isWebSocket && !this.#isBad) metrics.webSocketGuard('bad-frame')
        this.#isBad = true
        this.terminate()
      })
    }

    override setSocket(socket: Socket, head: Buffer, options: object): void {
      this.#isWebSocket = true
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

    override send(...args: never[]): void {
      this.#hasSent = true
      super.send(...args)
    }

    override close(code?: number, data?: string): void {
      if (code === ABNORMAL_CLOSURE) metrics.webSocketGuard('abort')
      // Refused, or silent until its time was over.
      const isOver = code === undefined && !this.#hasSent
      if (code === ABNORMAL_CLOSURE || isOver) {
        this.terminate()
        return
      }
      super.close(code, data)
      this.#endWhenSent()
    }

    #endWhenSent(): void {
      if (this.#closing !== null) return
      const timer = setInterval(() => {
        if (this.bufferedAmount === 0) this.terminate()
      }, CLOSE_MS)
      timer.unref()
      this.#closing = timer
      this.on('close', () => clearInterval(timer))
    }
  }
  return GuardedWebSocket as WebSocketClass as C
}

function isIdleFrame(event: string | symbol, [data]: readonly unknown[]): boolean {
  if (event === 'ping' || event === 'pong') return true
  if (event !== 'message') return false
  return (data instanceof ArrayBuffer || data instanceof Uint8Array) && data.byteLength === 0
}
