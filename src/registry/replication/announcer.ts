import type { Clock } from '../../lib/clock.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { GossipBudget } from './gossip-budget.ts'
import { describe } from './stream-errors.ts'

/** Heads told on by gossip after an exchange: a burst, then one a second. */
const BURST = 32
/** Entries that wait to be told on. */
const WAITING_LIMIT = 1024
/** Peers told of entries of our own that gossip has no room for. */
const TOLD_BY_EXCHANGE = 8

export interface AnnouncerComponents {
  readonly database: RegistryDatabase
  readonly transport: Pick<RegistryTransport, 'publish' | 'subscribers'>
  /** Shared by all logs. */
  readonly gossipBudget: GossipBudget
  readonly metrics: Pick<RegistryMetrics, 'gossipSkipped'>
  readonly logger: Logger
  readonly clock: Clock
  requestSync(peerId: string): void
}

/** What a station tells of one log by gossip: its own entries, and heads that others do not know of yet. */
export class Announcer {
  readonly #components: AnnouncerComponents
  readonly #budget: TokenBucket
  /** Joined from an exchange and not yet told on. */
  readonly #waiting = new Set<string>()

  constructor(components: AnnouncerComponents) {
    this.#components = components
    const { clock } = components
    this.#budget = new TokenBucket({ capacity: BURST, refillPerSecond: 1, clock })
  }

  /** Tells an entry of our own. A burst beyond what peers read is told by exchanges instead. */
  tellOwn(bytes: Uint8Array): void {
    const { transport, database, gossipBudget, metrics, requestSync } = this.#components
    if (gossipBudget.tryPublish()) {
      this.#publish(bytes)
      return
    }
    metrics.gossipSkipped(database.options.name, 'own_budget')
    const subscribers = transport.subscribers(database.address)
    for (const peerId of subscribers.slice(0, TOLD_BY_EXCHANGE)) requestSync(peerId)
  }

  /** Notes an entry that an exchange brought. */
  note(hash: string): void {
    if (this.#waiting.size < WAITING_LIMIT) this.#waiting.add(hash)
  }

  /**
   * Tells by gossip the heads that an exchange brought: a peer of ours that is no peer of the author
   * would not hear of them before its next exchange. Rate-limited; the rest waits for that exchange.
   */
  tellNoted(): void {
    const { database, logger } = this.#components
    const heads = database.log.heads(BURST).filter((hash) => this.#waiting.has(hash))
    this.#waiting.clear()
    for (const hash of heads) {
      if (!this.#budget.tryTake()) return
      void database.getBytes(hash).then(
        (bytes) => bytes !== undefined && this.#publish(bytes),
        (error: unknown) => logger.debug({ error: describe(error) }, 'entry not announced'),
      )
    }
  }

  clear(): void {
    this.#waiting.clear()
  }

  #publish(bytes: Uint8Array): void {
    const { transport, database, logger } = this.#components
    transport.publish(database.address, bytes).catch((error: unknown) => {
      logger.debug({ database: database.name, error: describe(error) }, 'entry not published')
    })
  }
}
