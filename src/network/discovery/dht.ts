import { randomBytes } from 'node:crypto'

import { type Clock, isAhead, systemClock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { Loop } from '../../lib/loop.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Candidate } from '../types.ts'

/** A walk that found nothing new by then is given up (kad-dht queries have no end of their own). */
const WALK_TIMEOUT_MS = 20_000
/** Most peers taken from one walk. */
const LIMIT_FOUND = 64
const TICK_MS = 5000
/** Identity multihash of a libp2p Ed25519 public key, up to the key itself. */
const PEER_KEY_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

export interface DhtOptions {
  /** Between walks while fewer peers are connected than wanted. @default 30000 */
  readonly intervalMs?: number
  /** Between walks otherwise. @default 600000 */
  readonly slowIntervalMs?: number
}

/** A peer that a DHT reply named. */
export interface WalkedPeer {
  readonly peerId: string
  readonly addresses: readonly string[]
}

export interface DhtComponents {
  /** Walks towards a key; names each peer that a reply contained, in any order, repeats included. */
  readonly walk: (key: Uint8Array, signal: AbortSignal) => AsyncIterable<WalkedPeer>
  /** Multihash of our peer ID. */
  readonly ownKey: Uint8Array
  readonly connectedCount: () => number
  readonly isBelowTarget: () => boolean
  readonly propose: (candidate: Candidate) => boolean
  readonly logger: Logger
  readonly clock?: Clock
}

/**
 * Finds stations by walking the private DHT: towards our own key, where our neighbours are, and towards
 * random keys, where everybody else is, in turns.
 */
export class DhtSource {
  readonly #options: DhtOptions
  readonly #components: DhtComponents
  readonly #clock: Clock
  readonly #loop: Loop
  #walks = 0
  #nextAtMs = 0

  constructor(options: DhtOptions, components: DhtComponents) {
    this.#options = options
    this.#components = components
    this.#clock = components.clock ?? systemClock
    this.#loop = new Loop({
      name: 'dht-walk',
      intervalMs: Math.min(TICK_MS, options.intervalMs ?? TICK_MS),
      jitter: 0.2,
      clock: this.#clock,
      run: (signal) => this.#tick(signal),
      onError: (error) => components.logger.debug({ error }, 'DHT walk failed'),
    })
  }

  start(): void {
    this.#nextAtMs = 0
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { connectedCount, isBelowTarget } = this.#components
    const { intervalMs = 30_000, slowIntervalMs = 600_000 } = this.#options
    const nowMs = this.#clock.now()
    const longestMs = Math.max(intervalMs, slowIntervalMs)
    if (isAhead(this.#nextAtMs, longestMs, nowMs) || connectedCount() === 0) return
    this.#nextAtMs = nowMs + (isBelowTarget() ? intervalMs : slowIntervalMs)
    await this.#walk(signal)
  }

  async #walk(signal: AbortSignal): Promise<void> {
    const { walk, propose, ownKey } = this.#components
    const key = this.#walks++ % 2 === 0 ? ownKey : randomPeerKey()
    const found = new Set<string>()
    await withDeadline(
      async (inner) => {
        for await (const { peerId, addresses } of walk(key, inner)) {
          if (found.has(peerId) || addresses.length === 0) continue
          found.add(peerId)
          propose({ source: 'dht', peerId, addresses })
          if (found.size >= LIMIT_FOUND) return
        }
      },
      { ms: WALK_TIMEOUT_MS, label: 'DHT walk', signal },
    )
  }
}

function randomPeerKey(): Uint8Array {
  return Buffer.concat([PEER_KEY_PREFIX, randomBytes(32)])
}
