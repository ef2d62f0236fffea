import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { MessageVerdict, PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import { RegistryError } from '../errors.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { fetchAncestors } from './ancestor-fetch.ts'
import type { BlockFetcher } from './bitswap.ts'
import {
  exchangeHeads,
  HEADS_DEADLINE_MS,
  HEADS_HANDLER_OPTIONS,
  headsProtocol,
} from './heads-exchange.ts'
import { Inbox, type Receipt } from './inbox.ts'
import type { PeerBudgets } from './peer-budgets.ts'
import { describe, withStream } from './stream-errors.ts'

/** Gossip messages being joined at once; beyond it an exchange fetches what was dropped. */
const GOSSIP_LIMIT = 256
/** An entry whose parents are missing waits this long for gossip to bring them in another order. */
const GOSSIP_ORDER_MS = 300
/** Heads told on by gossip after an exchange: a burst, then one a second. */
const ANNOUNCE_BURST = 32
const ANNOUNCED_LIMIT = 1024
const FETCH_DEADLINE_MS = 60_000
/** Held entries that bitswap is asked about in one go, the youngest; a peer can make up any number. */
const FETCHED_HEADS = 8

export interface LogReplicaComponents {
  readonly transport: RegistryTransport
  readonly database: RegistryDatabase
  readonly fetcher: BlockFetcher | null
  readonly metrics: RegistryMetrics
  readonly logger: Logger
  readonly clock: Clock
  /** Shared by all logs. */
  readonly headsAnswered: PeerBudgets
  onRejected(database: RegistryDatabase, reason: string): void
  requestSync(peerId: string, delayMs?: number): void
  /** Aborted when replication stops. */
  stopping(): AbortSignal
}

/** One log's side of replication: its gossip topic, its heads protocol, its inbox. */
export class LogReplica {
  readonly database: RegistryDatabase
  readonly #components: LogReplicaComponents
  readonly #inbox: Inbox
  readonly #announceBudget: TokenBucket
  /** Joined from an exchange and not yet told on. */
  readonly #toAnnounce = new Set<string>()
  #gossipInFlight = 0
  #isFetching = false
  #unsubscribe: (() => void) | null = null

  constructor(components: LogReplicaComponents) {
    this.#components = components
    this.database = components.database
    this.#inbox = new Inbox({
      database: components.database,
      onRejected: (reason) => components.onRejected(components.database, reason),
      onJoined: (hash, source) => {
        const isWanted = source === 'exchange' && this.#toAnnounce.size < ANNOUNCED_LIMIT
        if (isWanted) this.#toAnnounce.add(hash)
      },
    })
    this.#announceBudget = new TokenBucket({
      capacity: ANNOUNCE_BURST,
      refillPerSecond: 1,
      clock: components.clock,
    })
  }

  get heldCount(): number {
    return this.#inbox.heldCount
  }

  /** True when entries that others link to are missing on disk. */
  get isIncomplete(): boolean {
    return this.database.log.missing(1).length > 0
  }

  async start(): Promise<void> {
    const { transport, database, requestSync } = this.#components
    const { address } = database
    const handler = (stream: PeerStream) => this.#answerHeads(stream)
    await transport.handle(headsProtocol(address), handler, HEADS_HANDLER_OPTIONS)
    this.#unsubscribe = transport.onSubscriber(address, (peerId) => requestSync(peerId))
    transport.subscribe(
      address,
      (_, bytes) => this.#validate(bytes),
      (from, bytes) => void this.#takeGossip(from, bytes),
    )
    for (const peerId of transport.subscribers(address)) requestSync(peerId)
  }

  async stop(): Promise<void> {
    const { transport, database } = this.#components
    this.#unsubscribe?.()
    this.#unsubscribe = null
    transport.unsubscribe(database.address)
    await transport.unhandle(headsProtocol(database.address))
    this.#inbox.clear()
    this.#toAnnounce.clear()
  }

  /** Receives one entry of an exchange or a transfer. */
  receive(bytes: Uint8Array): Promise<Receipt> {
    return this.#inbox.receive(bytes, 'exchange')
  }

  /** Both sides tell their heads. @throws DeadlineError, FramingError, stream errors. */
  async exchangeWith(peerId: string, outer: AbortSignal): Promise<void> {
    const { transport, database } = this.#components
    const exchange = async (signal: AbortSignal) => {
      const stream = await transport.open(peerId, headsProtocol(database.address), signal)
      return withStream(stream, signal, () =>
        exchangeHeads(stream, database, (bytes) => this.receive(bytes), signal),
      )
    }
    const limits = { ms: HEADS_DEADLINE_MS, label: 'an exchange of heads', signal: outer }
    await withDeadline(exchange, limits)
  }

  /** Gets the ancestors of what is held block by block. @returns how many entries still wait. */
  async fetchHeld(outer: AbortSignal): Promise<number> {
    const { fetcher, database } = this.#components
    if (fetcher === null || this.#isFetching) return this.heldCount
    this.#isFetching = true
    try {
      await withDeadline(
        async (signal) => {
          for (const head of this.#inbox.heldEntries().slice(-FETCHED_HEADS)) {
            await fetchAncestors(head, database, this.#inbox, fetcher, signal)
          }
        },
        { ms: FETCH_DEADLINE_MS, label: 'fetching ancestors', signal: outer },
      )
    } finally {
      this.#isFetching = false
    }
    return this.heldCount
  }

  publish(bytes: Uint8Array): void {
    const { transport, database, logger } = this.#components
    transport.publish(database.address, bytes).catch((error: unknown) => {
      logger.debug({ database: database.name, error: describe(error) }, 'entry not published')
    })
  }

  /**
   * Tells by gossip the heads that an exchange brought: a peer of ours that is no peer of the author
   * would not hear of them before its next exchange. Rate-limited; the rest waits for that exchange.
   */
  announceJoined(): void {
    const heads = this.database.log.heads(ANNOUNCE_BURST).filter((h) => this.#toAnnounce.has(h))
    this.#toAnnounce.clear()
    for (const hash of heads) {
      if (!this.#announceBudget.tryTake()) return
      void this.database.getBytes(hash).then(
        (bytes) => bytes !== undefined && this.publish(bytes),
        (error: unknown) => {
          this.#components.logger.debug({ error: describe(error) }, 'entry not announced')
        },
      )
    }
  }

  randomSubscriber(): string | null {
    const peers = this.#components.transport.subscribers(this.database.address)
    return peers[Math.floor(Math.random() * peers.length)] ?? null
  }

  /** Judges a message before it is forwarded: what breaks a rule ends here. */
  #validate(bytes: Uint8Array): MessageVerdict {
    const verdict = this.database.judge(bytes)
    if (verdict.isAccepted) return this.database.has(verdict.entry.hash) ? 'ignore' : 'accept'
    this.#components.onRejected(this.database, verdict.reason)
    return verdict.isTemporary ? 'ignore' : 'reject'
  }

  async #takeGossip(from: string, bytes: Uint8Array): Promise<void> {
    const { transport, requestSync, logger } = this.#components
    const isConnected = transport.connectedPeers().includes(from)
    const peerId = isConnected ? from : this.randomSubscriber()
    if (this.#gossipInFlight >= GOSSIP_LIMIT) {
      if (peerId !== null) requestSync(peerId)
      return
    }
    this.#gossipInFlight += 1
    try {
      const receipt = await this.#inbox.receive(bytes, 'gossip')
      if (receipt === 'held' && peerId !== null) requestSync(peerId, GOSSIP_ORDER_MS)
    } catch (error) {
      // A disk that takes no writes, or a registry that stops, has been said once for all entries.
      const level = error instanceof RegistryError ? 'debug' : 'warn'
      logger[level]({ database: this.database.name, error: describe(error) }, 'entry not joined')
    } finally {
      this.#gossipInFlight -= 1
    }
  }

  async #answerHeads(stream: PeerStream): Promise<void> {
    const { metrics, logger, requestSync, stopping, headsAnswered } = this.#components
    if (!headsAnswered.tryTake(stream.peerId)) {
      metrics.exchange('heads', 'answer_refused')
      stream.abort(new Error('busy'))
      return
    }
    try {
      const { held } = await withDeadline(
        (signal) =>
          withStream(stream, signal, () =>
            exchangeHeads(stream, this.database, (bytes) => this.receive(bytes), signal),
          ),
        { ms: HEADS_DEADLINE_MS, label: 'answering heads', signal: stopping() },
      )
      metrics.exchange('heads', 'answered')
      if (held > 0) requestSync(stream.peerId)
      this.announceJoined()
    } catch (error) {
      metrics.exchange('heads', 'answer_failed')
      logger.debug({ peer: stream.peerId, error: describe(error) }, 'exchange with a peer failed')
    }
  }
}
