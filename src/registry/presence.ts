import { BoundedMap } from '../lib/bounded-map.ts'
import type { Clock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { BytesLevel } from './store/levels.ts'

/** Peers remembered; about 150 bytes each in memory. */
const PEERS_LIMIT = 20_000
const PREFIX = 'seen/'

export interface PresenceOptions {
  readonly ttlMs: number
  /** @default 5000 */
  readonly flushIntervalMs?: number
}

export interface PresenceComponents {
  readonly clock: Clock
  onError(error: unknown): void
}

/**
 * When each peer was last seen, from here. It is kept on this disk and never replicated: what one
 * station saw is no fact about another, and replicated heartbeats would grow the log for ever.
 */
export class Presence {
  readonly #options: PresenceOptions
  readonly #components: PresenceComponents
  readonly #seen = new BoundedMap<string, number>({ limit: PEERS_LIMIT })
  readonly #unsaved = new Set<string>()
  readonly #loop: Loop
  #level: BytesLevel | null = null

  constructor(options: PresenceOptions, components: PresenceComponents) {
    this.#options = options
    this.#components = components
    this.#loop = new Loop({
      name: 'presence',
      intervalMs: options.flushIntervalMs ?? 5000,
      isDelayed: true,
      run: () => this.#flush(),
      onError: components.onError,
    })
  }

  /** Reads back what was saved; what is older than the time to live is forgotten. */
  async start(level: BytesLevel): Promise<void> {
    const oldestMs = this.#components.clock.now() - this.#options.ttlMs
    const range = { gte: PREFIX, lt: `${PREFIX}\uffff` }
    const stale: string[] = []
    for await (const [key, value] of level.iterator(range)) {
      const seenMs = Number(Buffer.from(value).toString('utf8'))
      if (seenMs >= oldestMs) this.#seen.set(key.slice(PREFIX.length), seenMs)
      else stale.push(key)
    }
    await level.batch(stale.map((key) => ({ type: 'del', key })))
    this.#level = level
    this.#loop.start()
  }

  /** Saves what is new. The level stays open: it belongs to the registry. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#flush()
    this.#level = null
  }

  markSeen(peerId: string): void {
    this.#seen.set(peerId, this.#components.clock.now())
    if (this.#unsaved.size < PEERS_LIMIT) this.#unsaved.add(peerId)
  }

  /** ms since the epoch, or null for a peer never seen or long forgotten. */
  lastSeenMs(peerId: string): number | null {
    return this.#seen.peek(peerId) ?? null
  }

  async #flush(): Promise<void> {
    const level = this.#level
    if (level === null || this.#unsaved.size === 0) return
    const peers = [...this.#unsaved]
    this.#unsaved.clear()
    await level.batch(
      peers.map((peerId) => ({
        type: 'put',
        key: PREFIX + peerId,
        value: Buffer.from(String(this.#seen.peek(peerId) ?? 0)),
      })),
    )
  }
}
