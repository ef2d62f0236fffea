import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { EntrySource, RegistryDatabase } from '../store/database.ts'
import { hashOf } from '../store/entry-codec.ts'
import { fetchAncestors } from './ancestor-fetch.ts'
import type { BlockFetcher } from './bitswap.ts'
import type { GossipBudget } from './gossip-budget.ts'
import { GossipIntake } from './gossip-intake.ts'
import {
  type ExchangeResult,
  exchangeHeads,
  HEADS_DEADLINE_MS,
  HEADS_HANDLER_OPTIONS,
  headsProtocol,
} from './heads-exchange.ts'
import { Inbox, type Receipt } from './inbox.ts'
import type { IntakeEntrance } from './intake.ts'
import { observed, whileAlive } from './patience.ts'
import type { PeerBudgets } from './peer-budgets.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { describe, withStream } from './stream-errors.ts'

/** Heads told on by gossip after an exchange: a burst, then one a second. */
const ANNOUNCE_BURST = 32
const ANNOUNCED_LIMIT = 1024
const FETCH_DEADLINE_MS = 15_000
/** A peer that never answered so far has this long for its first sign; once it failed, all the time. */
const FIRST_SIGN_MS = 4000
/** Peers told of entries of our own that gossip has no room for. */
const TOLD_BY_EXCHANGE = 8
/** Peers whose offered heads are remembered until their log has been asked for. */
const OFFERS_LIMIT = 64
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
  readonly gossipBudget: GossipBudget
  readonly conduct: PeerConduct
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
  /** Heads that a peer offered in its last exchange and that wait for ancestors. */
  readonly #offered = new BoundedMap<string, readonly string[]>({ limit: OFFERS_LIMIT })
  readonly #gossip: GossipIntake
  #isFetching = false
  #unsubscribe: (() => void) | null = null

  constructor(components: LogReplicaComponents) {
    this.#components = components
    this.database = components.database
    this.#inbox = new Inbox({
      database: components.database,
      onRejected: (reason) => components.onRejected(components.database, reason),
      onJoined: (hash, source, clockMs) => this.#noteJoined(hash, source, clockMs),
    })
    this.#gossip = new GossipIntake({
      ...components,
      inbox: this.#inbox,
      budget: components.gossipBudget,
      randomSubscriber: () => this.randomSubscriber(),
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
      (from, bytes) => this.#gossip.validate(from, bytes),
      (from, bytes) => void this.#gossip.take(from, bytes),
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
    this.#offered.clear()
    this.#toAnnounce.clear()
  }

  /** Receives one entry of an exchange or a transfer with this peer. */
  async receive(bytes: Uint8Array, peerId: string): Promise<Receipt> {
    const receipt = await this.#inbox.receive(bytes, 'exchange', peerId)
    if (receipt === 'rejected') this.#components.conduct.offend(peerId, 'broken_rule')
    return receipt
  }

  /** The way in for what a transfer from this peer brings; while we are busy with it, it need not send. */
  entrance(peerId: string, onBusy: () => void): IntakeEntrance {
    return {
      receive: (bytes) => {
        onBusy()
        return this.receive(bytes, peerId)
      },
      onJoined: (joined) => {
        onBusy()
        return this.#inbox.noteJoined(joined, 'exchange')
      },
    }
  }

  /** Both sides tell their heads. @throws DeadlineError, FramingError, stream errors. */
  async exchangeWith(peerId: string, outer: AbortSignal): Promise<void> {
    const { transport, database, conduct } = this.#components
    const firstSignMs = conduct.rankOf(peerId) === 'unknown' ? FIRST_SIGN_MS : HEADS_DEADLINE_MS
    const exchange = async (signal: AbortSignal, onSign: () => void) => {
      const stream = await transport.open(peerId, headsProtocol(database.address), signal)
      await withStream(stream, signal, () => this.#exchangeHeads(observed(stream, onSign), signal))
    }
    const whole = { ms: HEADS_DEADLINE_MS, label: 'an exchange of heads', signal: outer }
    await withDeadline((signal) => {
      const sign = { ms: firstSignMs, label: 'waiting for the heads of a peer', signal }
      return whileAlive(exchange, sign)
    }, whole)
  }

  /** Heads that the peer offered and that wait; asked before its log is, for it may offer more meanwhile. */
  takeOffers(peerId: string): readonly string[] {
    const offered = this.#offered.peek(peerId) ?? []
    this.#offered.delete(peerId)
    return offered
  }

  /**
   * Called when the log of this peer has been received to its end. Heads that it offered before and
   * whose ancestors it did not send are unresolvable: it cannot have joined them itself.
   */
  noteLogReceived(peerId: string, offered: readonly string[]): void {
    const { conduct } = this.#components
    const isUnresolved = offered.some((hash) => this.#inbox.isUnresolved(hash))
    if (isUnresolved) conduct.offend(peerId, 'unresolvable')
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

  /** Tells an entry of our own. A burst beyond what peers read is told by exchanges instead. */
  publish(bytes: Uint8Array): void {
    const { transport, database, gossipBudget, metrics, requestSync } = this.#components
    if (gossipBudget.tryPublish()) {
      this.#publish(bytes)
      return
    }
    metrics.gossipSkipped(database.options.name, 'own_budget')
    const subscribers = transport.subscribers(database.address)
    for (const peerId of subscribers.slice(0, TOLD_BY_EXCHANGE)) requestSync(peerId)
  }

  #publish(bytes: Uint8Array): void {
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
        (bytes) => bytes !== undefined && this.#publish(bytes),
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

  #noteJoined(hash: string, source: EntrySource, clockMs: number): void {
    const { metrics, clock } = this.#components
    if (source === 'gossip') {
      metrics.gossipLag(this.database.options.name, (clock.now() - clockMs) / 1000)
    }
    const isWanted = source === 'exchange' && this.#toAnnounce.size < ANNOUNCED_LIMIT
    if (isWanted) this.#toAnnounce.add(hash)
  }

  async #answerHeads(stream: PeerStream): Promise<void> {
    const { metrics, logger, requestSync, stopping, headsAnswered, conduct } = this.#components
    const { peerId } = stream
    const allowance = headsAnswered.take(peerId)
    if (allowance !== 'ok') {
      metrics.exchange('heads', 'answer_refused')
      if (allowance === 'flood') conduct.offend(peerId, 'flood')
      stream.abort(new Error('busy'))
      return
    }
    try {
      const { held } = await withDeadline(
        (signal) => withStream(stream, signal, () => this.#exchangeHeads(stream, signal)),
        { ms: HEADS_DEADLINE_MS, label: 'answering heads', signal: stopping() },
      )
      metrics.exchange('heads', 'answered')
      if (held > 0) requestSync(peerId)
      this.announceJoined()
    } catch (error) {
      metrics.exchange('heads', 'answer_failed')
      conduct.failedToUs(peerId, error)
      logger.debug({ peer: peerId, error: describe(error) }, 'exchange with a peer failed')
    }
  }

  async #exchangeHeads(stream: PeerStream, signal: AbortSignal): Promise<ExchangeResult> {
    const { peerId } = stream
    const waiting: string[] = []
    const receive = async (bytes: Uint8Array) => {
      const receipt = await this.receive(bytes, peerId)
      if (receipt === 'held') waiting.push(hashOf(bytes))
      return receipt
    }
    const result = await exchangeHeads(stream, this.database, receive, signal)
    this.#offered.set(peerId, waiting)
    return result
  }
}
