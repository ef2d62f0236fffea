import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { Loop } from '../../lib/loop.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { Databases } from '../store/databases.ts'
import type { BlockFetcher } from './bitswap.ts'
import { LogReplica } from './log-replica.ts'
import {
  pullLog,
  serveLog,
  TRANSFER_DEADLINE_MS,
  TRANSFER_HANDLER_OPTIONS,
  transferProtocol,
} from './log-transfer.ts'
import { PeerBudgets } from './peer-budgets.ts'
import { PeerWork } from './peer-work.ts'
import { describe, withStream } from './stream-errors.ts'

/** Exchanges at the same time, all databases together. */
const CONCURRENCY = 8
const WAITING_LIMIT = 512
/** Log transfers served at the same time; more are refused and asked again later. */
const SERVED_LIMIT = 32
/** Log transfers served to one peer: a burst for four databases at start, then one every 2 s. */
const SERVED_BUDGET = { burst: 16, perSecond: 0.5 }
/** Heads answered to one peer, up to 512 KiB each: what an honest one asks for four databases at most. */
const HEADS_BUDGET = { burst: 32, perSecond: 2 }

export interface ReplicatorOptions {
  readonly networkName: string
  readonly antiEntropyIntervalMs: number
  readonly exchangeIntervalMs: number
}

export interface ReplicatorComponents {
  readonly transport: RegistryTransport
  readonly databases: Databases
  /** null: no bitswap. */
  readonly fetcher: BlockFetcher | null
  readonly metrics: RegistryMetrics
  readonly logger: Logger
  readonly clock: Clock
  onRejected(database: RegistryDatabase, reason: string): void
}

/**
 * Keeps the logs equal to those of other stations: gossip for what is new, an exchange of heads when a
 * peer subscribes and from time to time with a random one, and a transfer of what is missing.
 */
export class Replicator {
  readonly #options: ReplicatorOptions
  readonly #components: ReplicatorComponents
  readonly #replicas: ReadonlyMap<string, LogReplica>
  readonly #work: PeerWork
  readonly #antiEntropy: Loop
  readonly #served: PeerBudgets
  #serving = 0
  #stopping = new AbortController()

  constructor(options: ReplicatorOptions, components: ReplicatorComponents) {
    this.#options = options
    this.#components = components
    this.#work = new PeerWork(
      {
        concurrency: CONCURRENCY,
        waitingLimit: WAITING_LIMIT,
        intervalMs: options.exchangeIntervalMs,
      },
      {
        clock: components.clock,
        run: (peer, address, signal) => this.#sync(peer, address, signal),
      },
    )
    this.#served = new PeerBudgets(SERVED_BUDGET, components.clock)
    const headsAnswered = new PeerBudgets(HEADS_BUDGET, components.clock)
    this.#replicas = new Map(
      components.databases.all.map((database) => [
        database.address,
        new LogReplica({
          ...components,
          database,
          headsAnswered,
          stopping: () => this.#stopping.signal,
          requestSync: (peerId, delayMs) => this.#work.request(peerId, database.address, delayMs),
        }),
      ]),
    )
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
    for (const replica of this.#replicas.values()) await replica.start()
    this.#antiEntropy.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the registry stops'))
    await this.#antiEntropy.stop()
    for (const replica of this.#replicas.values()) await replica.stop()
    await this.#components.transport.unhandle(transferProtocol(this.#options.networkName))
    await this.#work.stop()
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
    await this.#count('heads', peerId, () => replica.exchangeWith(peerId, signal))
    if (replica.heldCount > 0 || replica.isIncomplete) {
      const before = replica.database.log.size
      const pull = () => this.#pull(peerId, replica, signal)
      const outcome = await this.#count('log', peerId, pull).then(
        () => 'whole',
        () => 'cut short',
      )
      // Cut short by its budget or by the peer's, or some of what is lost is back and names more that
      // is: where it helped, it is worth going on.
      const isMoreLikely = outcome === 'cut short' || replica.isIncomplete
      if (isMoreLikely && replica.database.log.size > before) this.#work.request(peerId, address)
    }
    if (replica.heldCount > 0 && this.#components.fetcher !== null) {
      await this.#count('bitswap', peerId, () => replica.fetchHeld(signal))
    }
    replica.announceJoined()
  }

  async #pull(peerId: string, replica: LogReplica, outer: AbortSignal): Promise<number> {
    const { transport } = this.#components
    const protocol = transferProtocol(this.#options.networkName)
    return withDeadline(
      async (signal) => {
        const stream = await transport.open(peerId, protocol, signal)
        return withStream(stream, signal, () =>
          pullLog(stream, replica.database, (bytes) => replica.receive(bytes), signal),
        )
      },
      { ms: TRANSFER_DEADLINE_MS, label: 'a log transfer', signal: outer },
    )
  }

  async #serve(stream: PeerStream): Promise<void> {
    if (this.#serving >= SERVED_LIMIT || !this.#served.tryTake(stream.peerId)) {
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
    try {
      await work()
      metrics.exchange(kind, 'ok')
    } catch (error) {
      metrics.exchange(kind, 'failed')
      logger.debug({ kind, peer: peerId, error: describe(error) }, 'exchange with a peer failed')
      throw error
    }
  }
}
