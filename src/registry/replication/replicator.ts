import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { Loop } from '../../lib/loop.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { BlockFetcher } from './bitswap.ts'
import { GossipBudget } from './gossip-budget.ts'
import { LogReplica } from './log-replica.ts'
import {
  pullLog,
  serveLog,
  TRANSFER_DEADLINE_MS,
  TRANSFER_HANDLER_OPTIONS,
  transferProtocol,
} from './log-transfer.ts'
import { observed, whileAlive } from './patience.ts'
import { PeerBudgets } from './peer-budgets.ts'
import { isCutShort, PeerConduct } from './peer-conduct.ts'
import { PeerWork } from './peer-work.ts'
import { describe, withStream } from './stream-errors.ts'

/** Exchanges at the same time, all databases together. */
const CONCURRENCY = 8
const WAITING_LIMIT = 512
/** A peer that sends nothing of its log for so long is given up; a slow one takes the whole time. */
const TRANSFER_SIGN_MS = 10_000
/** A log transfer that failed while entries wait for it is tried again after this long. */
const RETRY_MS = 2000
/** Log transfers served at the same time; more are refused and asked again later. */
const SERVED_LIMIT = 32
/** Log transfers served to one peer: a burst for four databases in three epochs, then one a second. */
const SERVED_BUDGET = {
  burst: 24,
  perSecond: 1,
  tolerated: { burst: 240, perSecond: 5 },
}
/** Heads answered to one peer, up to 512 KiB each: an honest one asks for each log in three epochs. */
const HEADS_BUDGET = { burst: 48, perSecond: 2, tolerated: { burst: 480, perSecond: 20 } }

export interface ReplicatorOptions {
  readonly networkName: string
  readonly antiEntropyIntervalMs: number
  readonly exchangeIntervalMs: number
}

export interface ReplicatorComponents {
  readonly transport: RegistryTransport
  /** null: no bitswap. */
  readonly fetcher: BlockFetcher | null
  readonly metrics: RegistryMetrics
  readonly logger: Logger
  readonly clock: Clock
  onRejected(database: RegistryDatabase, reason: string): void
}

/**
 * Keeps the logs it is given equal to those of other stations: gossip for what is new, an exchange of
 * heads when a peer subscribes and from time to time with a random one, and a transfer of what is missing.
 */
export class Replicator {
  readonly #options: ReplicatorOptions
  readonly #components: ReplicatorComponents
  /** Four per open epoch, by address. */
  readonly #replicas = new Map<string, LogReplica>()
  readonly #work: PeerWork
  readonly #antiEntropy: Loop
  readonly #served: PeerBudgets
  readonly #headsAnswered: PeerBudgets
  readonly #gossipBudget: GossipBudget
  readonly #conduct: PeerConduct
  #serving = 0
  #stopping = new AbortController()

  constructor(options: ReplicatorOptions, components: ReplicatorComponents) {
    this.#options = options
    this.#components = components
    this.#conduct = new PeerConduct(components)
    this.#gossipBudget = new GossipBudget(components.clock)
    this.#work = new PeerWork(
      {
        concurrency: CONCURRENCY,
        waitingLimit: WAITING_LIMIT,
        intervalMs: options.exchangeIntervalMs,
      },
      {
        clock: components.clock,
        run: (peer, address, signal) => this.#sync(peer, address, signal),
        conduct: this.#conduct,
      },
    )
    this.#served = new PeerBudgets(SERVED_BUDGET, components.clock)
    this.#headsAnswered = new PeerBudgets(HEADS_BUDGET, components.clock)
    this.#antiEntropy = new Loop({
      name: 'anti-entropy',
      intervalMs: options.antiEntropyIntervalMs,
      jitter: 0.2,
      isDelayed: true,
      clock: components.clock,
      run: async () => this.#compareWithRandomPeers(),
    })
  }

  async start(): Promise<void> {
    const { transport } = this.#components
    this.#stopping = new AbortController()
    this.#work.start()
    const protocol = transferProtocol(this.#options.networkName)
    await transport.handle(protocol, (stream) => this.#serve(stream), TRANSFER_HANDLER_OPTIONS)
    this.#antiEntropy.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the registry stops'))
    await this.#antiEntropy.stop()
    for (const { database } of [...this.#replicas.values()]) await this.remove(database)
    await this.#components.transport.unhandle(transferProtocol(this.#options.networkName))
    await this.#work.stop()
  }

  /** Begins to replicate a log; between `start()` and `stop()`. */
  async add(database: RegistryDatabase): Promise<void> {
    const { address } = database
    if (this.#replicas.has(address)) return
    const replica = new LogReplica({
      ...this.#components,
      database,
      headsAnswered: this.#headsAnswered,
      gossipBudget: this.#gossipBudget,
      conduct: this.#conduct,
      stopping: () => this.#stopping.signal,
      requestSync: (peerId, delayMs) => this.#work.request(peerId, address, delayMs),
    })
    this.#replicas.set(address, replica)
    await replica.start()
  }

  /** Leaves the log's topic and no longer serves it; what waits for it comes to nothing. */
  async remove(database: RegistryDatabase): Promise<void> {
    const replica = this.#replicas.get(database.address)
    this.#replicas.delete(database.address)
    await replica?.stop()
  }

  /** Tells peers of an entry; never throws and is not waited for. */
  publish(database: RegistryDatabase, bytes: Uint8Array): void {
    this.#replicas.get(database.address)?.publish(bytes)
  }

  #compareWithRandomPeers(): void {
    for (const [address, replica] of this.#replicas) {
      const peerId = replica.randomSubscriber()
      if (peerId !== null) this.#work.request(peerId, address)
    }
  }

  async #sync(peerId: string, address: string, signal: AbortSignal): Promise<void> {
    const replica = this.#replicas.get(address)
    if (replica === undefined) return
    let isAnswered = true
    await this.#count('heads', peerId, () => replica.exchangeWith(peerId, signal))
    if (replica.heldCount > 0 || replica.isIncomplete) {
      const before = replica.database.log.size
      const pull = () => this.#pull(peerId, replica, signal)
      const outcome = await this.#count('log', peerId, pull).then(
        () => 'whole',
        () => 'cut short',
      )
      isAnswered = outcome === 'whole'
      const isHelping = replica.database.log.size > before
      // Some of what is lost is back and names more that is: the whole log has it all.
      if (isHelping && isAnswered && replica.isIncomplete) {
        await this.#count('log', peerId, () => this.#pull(peerId, replica, signal, true))
      }
      // Cut short by its budget or by the peer's: where it helped, it is worth going on.
      const isMoreLikely = outcome === 'cut short' || replica.isIncomplete
      if (isMoreLikely && isHelping) this.#work.request(peerId, address)
      // Refused because we asked often: what waits must not wait for the next round of anti-entropy.
      else if (!isAnswered && replica.heldCount > 0) {
        this.#work.request(peerId, address, RETRY_MS)
      }
    }
    if (isAnswered) this.#conduct.answered(peerId)
    if (replica.heldCount > 0 && this.#components.fetcher !== null) {
      await this.#count('bitswap', peerId, () => replica.fetchHeld(signal))
    }
    replica.announceJoined()
  }

  async #pull(
    peerId: string,
    replica: LogReplica,
    outer: AbortSignal,
    isWhole = false,
  ): Promise<number> {
    const { transport } = this.#components
    const protocol = transferProtocol(this.#options.networkName)
    const offered = replica.takeOffers(peerId)
    const before = replica.database.log.size
    const transfer = withDeadline(
      async (signal) => {
        const pull = async (inner: AbortSignal, onSign: () => void) => {
          const stream = observed(await transport.open(peerId, protocol, inner), onSign)
          const { database } = replica
          const entrance = replica.entrance(peerId, onSign)
          const work = () => pullLog(stream, database, entrance, inner, { isWhole })
          return withStream(stream, inner, work)
        }
        return whileAlive(pull, { ms: TRANSFER_SIGN_MS, label: 'waiting for a log', signal })
      },
      { ms: TRANSFER_DEADLINE_MS, label: 'a log transfer', signal: outer },
    )
    const joined = await transfer.catch((cause: unknown) => {
      // Of a log that we have, the whole may be as long as it likes.
      const gained = isWhole ? Number.POSITIVE_INFINITY : replica.database.log.size - before
      throw isCutShort(cause, gained)
        ? new Error('the log takes another transfer', { cause })
        : cause
    })
    this.#components.metrics.peerAhead(replica.database.options.name, joined)
    replica.noteLogReceived(peerId, offered)
    return joined
  }

  async #serve(stream: PeerStream): Promise<void> {
    const allowance = this.#served.take(stream.peerId)
    if (allowance === 'flood') this.#conduct.offend(stream.peerId, 'flood')
    if (this.#serving >= SERVED_LIMIT || allowance !== 'ok') {
      stream.abort(new Error('busy'))
      return
    }
    this.#serving += 1
    const find = (address: string) => this.#replicas.get(address)?.database ?? null
    try {
      await withDeadline(
        (signal) => withStream(stream, signal, () => serveLog(stream, find, signal)),
        {
          ms: TRANSFER_DEADLINE_MS,
          label: 'serving a log',
          signal: this.#stopping.signal,
        },
      )
    } catch (error) {
      this.#conduct.failedToUs(stream.peerId, error)
      this.#components.logger.debug(
        { peer: stream.peerId, error: describe(error) },
        'log not served',
      )
    } finally {
      this.#serving -= 1
    }
  }

  async #count(
    kind: 'heads' | 'log' | 'bitswap',
    peerId: string,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const { metrics, logger } = this.#components
    const startedMs = performance.now()
    try {
      await work()
      metrics.exchange(kind, 'ok', (performance.now() - startedMs) / 1000)
    } catch (error) {
      metrics.exchange(kind, 'failed')
      if (kind !== 'bitswap') this.#conduct.failed(peerId, error)
      logger.debug({ kind, peer: peerId, error: describe(error) }, 'exchange with a peer failed')
      throw error
    }
  }
}
