import { BoundedMap } from '../lib/bounded-map.ts'
import type { Clock } from '../lib/clock.ts'
import { Loop } from '../lib/loop.ts'
import type { ByteChange, ByteStore } from './store/guarded-level.ts'

/** Peers remembered; about 150 bytes each in memory. */
const PEERS_LIMIT = 20_000
const PREFIX = 'seen/'

export interface PresenceOptions {
  readonly ttlMs: number
  /** @default 5000 */
  readonly flushIntervalMs?: number
  /** @default 20000 */
  readonly peersLimit?: number
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
  readonly #seen: BoundedMap<string, number>
  /** Peers whose entry on disk is behind; those that are no longer remembered are to be deleted there. */
  readonly #unsaved = new Set<string>()
  readonly #loop: Loop
  #store: ByteStore | null = null

  constructor(options: PresenceOptions, components: PresenceComponents) {
    this.#options = options
    this.#components = components
    this.#seen = new BoundedMap({
      limit: options.peersLimit ?? PEERS_LIMIT,
      onEvict: (peerId) => this.#unsaved.add(peerId),
    })
    this.#loop = new Loop({
      name: 'presence',
      intervalMs: options.flushIntervalMs ?? 5000,
      isDelayed: true,
      clock: components.clock,
      run: () => this.#flush(),
      onError: components.onError,
    })
  }

  /** Reads back what was saved; what is older than the time to live is forgotten. */
  async start(store: ByteStore): Promise<void> {
    const oldestMs = this.#components.clock.now() - this.#options.ttlMs
    const range = { gte: PREFIX, lt: `${PREFIX}\uffff` }
    const stale: string[] = []
    for await (const [key, value] of store.iterator(range)) {
      const seenMs = Number(Buffer.from(value).toString('utf8'))
      if (seenMs >= oldestMs) this.#seen.set(key.slice(PREFIX.length), seenMs)
      else stale.push(key)
    }
    // On a disk that takes no writes they are left for the next start.
    const changes = stale.map((key): ByteChange => ({ type: 'del', key }))
    if (stale.length > 0) await store.batch(changes).catch(this.#components.onError)
    this.#store = store
    this.#loop.start()
  }

  /** Saves what is new. The store stays open: it belongs to the registry. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    try {
      await this.#flush()
    } finally {
      this.#store = null
    }
  }

  markSeen(peerId: string): void {
    this.#seen.set(peerId, this.#components.clock.now())
    this.#unsaved.add(peerId)
    // A disk that fails for long: what is lost then is when a peer was seen, until it is seen again.
    if (this.#unsaved.size > 2 * PEERS_LIMIT) this.#unsaved.clear()
  }

  /** ms since the epoch, or null for a peer never seen or long forgotten. */
  lastSeenMs(peerId: string): number | null {
    return this.#seen.peek(peerId) ?? null
  }

  async #flush(): Promise<void> {
    const store = this.#store
    if (store === null || this.#unsaved.size === 0) return
    const peers = [...this.#unsaved]
    this.#unsaved.clear()
    try {
      await store.batch(peers.map((peerId) => this.#changeOf(peerId)))
    } catch (error) {
      for (const peerId of peers) this.#unsaved.add(peerId)
      throw error
    }
  }

  #changeOf(peerId: string): ByteChange {
    const key = PREFIX + peerId
    const seenMs = this.#seen.peek(peerId)
    if (seenMs === undefined) return { type: 'del', key }
    return { type: 'put', key, value: Buffer.from(String(seenMs)) }
  }
}
