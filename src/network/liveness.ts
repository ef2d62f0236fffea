import type { Connection } from '@libp2p/interface'

import { Loop } from '../lib/loop.ts'
import type { Logger } from '../telemetry/index.ts'
import { NetworkError } from './errors.ts'
import type { NetworkMetrics } from './metrics.ts'

export interface LivenessOptions {
  /** Between two pings of libp2p's connection monitor, ms. */
  readonly pingIntervalMs: number
  /** How long a ping may take, ms. */
  readonly pingTimeoutMs: number
  /** Unanswered pings that make a connection dead. @default 3 */
  readonly missedPings?: number
  /** Between two looks at all connections, ms. @default 5000 */
  readonly checkIntervalMs?: number
}

export interface LivenessComponents {
  readonly connections: () => readonly Connection[]
  readonly metrics: Pick<NetworkMetrics, 'pingMissed'>
  readonly logger: Logger
  /** Told before a connection is closed for its silence. */
  readonly onDead: (connection: Connection) => void
  /** @default Date.now */
  readonly now?: () => number
}

const DEFAULT_MISSED_PINGS = 3
export const DEFAULT_CHECK_INTERVAL_MS = 5_000

/**
 * How long a connection may be silent. Pings go out at fixed times, so silence begins up to one
 * interval before the first that is missed: after `n` intervals and a time-out at least `n` pings
 * have gone unanswered. With 30 s, 20 s and 3 that is 110 s, and a dead peer is gone within 115 s.
 */
export function silenceLimitMs(options: LivenessOptions): number {
  const { pingIntervalMs, pingTimeoutMs, missedPings = DEFAULT_MISSED_PINGS } = options
  return missedPings * pingIntervalMs + pingTimeoutMs
}

/** Pings that cannot have been answered when nothing was received for so long. */
export function certainlyMissedPings(silenceMs: number, options: LivenessOptions): number {
  return Math.max(0, Math.floor((silenceMs - options.pingTimeoutMs) / options.pingIntervalMs))
}

interface Watched {
  lastBytesAtMs: number
  missed: number
  readonly unwatch: () => void
}

/**
 * Closes connections whose peer is gone without a word. Silence alone decides: libp2p's monitor pings,
 * and a peer that is slow still sends bytes, however late. The monitor by itself would reset healthy
 * peers at the first slow ping, and without it nothing ever closes a dead WebSocket (libp2p 3.3).
 */
export class ConnectionReaper {
  readonly #options: LivenessOptions
  readonly #components: LivenessComponents
  readonly #watched = new Map<Connection, Watched>()
  readonly #loop: Loop
  readonly #now: () => number
  readonly #checkIntervalMs: number
  #checkedAtMs = 0

  constructor(options: LivenessOptions, components: LivenessComponents) {
    this.#options = options
    this.#components = components
    this.#now = components.now ?? Date.now
    this.#checkIntervalMs = options.checkIntervalMs ?? DEFAULT_CHECK_INTERVAL_MS
    this.#loop = new Loop({
      name: 'connection reaper',
      intervalMs: this.#checkIntervalMs,
      isDelayed: true,
      run: async () => this.check(),
      onError: (error) => components.logger.error({ error }, 'Liveness check failed'),
    })
  }

  start(): void {
    this.#checkedAtMs = this.#now()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    for (const { unwatch } of this.#watched.values()) unwatch()
    this.#watched.clear()
  }

  /** Connections watched now. */
  get size(): number {
    return this.#watched.size
  }

  /** Looks at every connection once. */
  check(): void {
    const nowMs = this.#now()
    const lostMs = this.#lostTime(nowMs)
    const open = new Set(this.#components.connections())
    for (const [connection, { unwatch }] of this.#watched) {
      if (open.has(connection)) continue
      unwatch()
      this.#watched.delete(connection)
    }
    for (const connection of open) this.#checkOne(connection, nowMs, lostMs)
  }

  /** Time in which this process did not run: peers were not silent then, we were deaf. */
  #lostTime(nowMs: number): number {
    const elapsedMs = nowMs - this.#checkedAtMs
    this.#checkedAtMs = nowMs
    return elapsedMs > 3 * this.#checkIntervalMs ? elapsedMs : 0
  }

  #checkOne(connection: Connection, nowMs: number, lostMs: number): void {
    const watched = this.#watched.get(connection) ?? this.#watch(connection, nowMs)
    watched.lastBytesAtMs = Math.min(nowMs, watched.lastBytesAtMs + lostMs)
    const silenceMs = nowMs - watched.lastBytesAtMs
    const missed = certainlyMissedPings(silenceMs, this.#options)
    for (let ping = watched.missed; ping < missed; ping++) this.#components.metrics.pingMissed()
    watched.missed = missed
    if (silenceMs < silenceLimitMs(this.#options)) return
    this.#components.onDead(connection)
    connection.abort(
      new NetworkError('STREAM_TIMEOUT', 'nothing was received for too long', { silenceMs }),
    )
  }

  #watch(connection: Connection, nowMs: number): Watched {
    const onBytes = () => {
      watched.lastBytesAtMs = this.#now()
    }
    const source = byteSource(connection)
    const watched: Watched = {
      // Seen for the first time: it has been open for less than one look.
      lastBytesAtMs: Math.max(connection.timeline.open, nowMs - this.#checkIntervalMs),
      missed: 0,
      unwatch: () => source.removeEventListener('message', onBytes),
    }
    source.addEventListener('message', onBytes)
    this.#watched.set(connection, watched)
    return watched
  }
}

/**
 * Where the bytes of a connection can be seen arriving: libp2p 3.3 keeps the transport's connection in
 * an untyped member. Listening is safe once the connection is open, because its own reader is there
 * first.
 */
function byteSource(connection: Connection): EventTarget {
  const source: unknown = Reflect.get(connection, 'maConn')
  if (typeof source === 'object' && source !== null && 'addEventListener' in source) {
    return source as EventTarget
  }
  throw new NetworkError('LIBRARY_CHANGED', 'a connection hides where its bytes arrive')
}
