import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import { SharedBudget } from '../../lib/shared-budget.ts'
import type { RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { RecordView } from '../view.ts'
import type { BlockFetcher } from './bitswap.ts'
import { GossipBudget } from './gossip-budget.ts'
import { LogReplica } from './log-replica.ts'
import { LogServer } from './log-server.ts'
import { OrphanPlaces } from './orphans.ts'
import { PeerBudgets } from './peer-budgets.ts'
import { PeerConduct } from './peer-conduct.ts'
import { PeerSync } from './peer-sync.ts'
import { PeerWork } from './peer-work.ts'

/** Exchanges at the same time, all databases together. */
const CONCURRENCY = 8
const WAITING_LIMIT = 2048
/** In a rush, when so many jobs wait, a newcomer's are put off by so much, more for each, within a limit. */
const RUSH = { waiting: 8, afterMs: 500, eachMs: 20, mostMs: 8_000 }
/** Exchanges of heads answered to one peer, up to 512 KiB each: an honest one asks for each log in three epochs. */
const HEADS_BUDGET = { burst: 48, perSecond: 2, tolerated: { burst: 480, perSecond: 20 } }
/**
 * New entries among the heads of all peers that are judged, some 0.1 ms each beside the signature. What is
 * beyond it comes by gossip or by a log transfer.
 */
const HEADS_JUDGED = {
  strangers: { burst: 512, perSecond: 200 },
  known: { burst: 512, perSecond: 200 },
}

export interface ReplicatorOptions {
  readonly networkName: string
  readonly antiEntropyIntervalMs: number
  readonly exchangeIntervalMs: number
}

export interface ReplicatorComponents {
  readonly transport: RegistryTransport
  /** null: no bitswap. */
  readonly fetcher: BlockFetcher | null
  /** Shows entries that come before their parents; absent: none are asked for. */
  readonly view: Pick<RecordView, 'preview'>
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
  readonly #components: ReplicatorComponents
  /** Four per open epoch, by address. */
  readonly #replicas = new Map<string, LogReplica>()
  readonly #work: PeerWork
  readonly #server: LogServer
  readonly #antiEntropy: Loop
  readonly #shared: {
    readonly headsAnswered: PeerBudgets
    readonly headsJudged: SharedBudget
    readonly gossipBudget: GossipBudget
    readonly orphanPlaces: OrphanPlaces
    readonly conduct: PeerConduct
  }
  #stopping = new AbortController()

  constructor(options: ReplicatorOptions, components: ReplicatorComponents) {
    const { clock } = components
    const { networkName, exchangeIntervalMs, antiEntropyIntervalMs } = options
    const conduct = new PeerConduct(components)
    this.#components = components
    this.#shared = {
      headsAnswered: new PeerBudgets(HEADS_BUDGET, clock),
      headsJudged: new SharedBudget(HEADS_JUDGED, clock),
      gossipBudget: new GossipBudget(clock, (peerId) => components.transport.isKnown(peerId)),
      orphanPlaces: new OrphanPlaces(),
      conduct,
    }
    const sync = new PeerSync(networkName, {
      ...components,
      conduct,
      requestSync: (peerId, address, delayMs) => this.#work.request(peerId, address, delayMs),
    })
    this.#work = new PeerWork(
      { concurrency: CONCURRENCY, waitingLimit: WAITING_LIMIT, intervalMs: exchangeIntervalMs },
      {
        clock,
        conduct,
        run: async (peerId, address, signal) => {
          const replica = this.#replicas.get(address)
          if (replica !== undefined) await sync.run(peerId, replica, signal)
        },
      },
    )
    this.#server = new LogServer(networkName, {
      ...components,
      conduct,
      databaseAt: (address) => this.#replicas.get(address)?.database ?? null,
    })
    this.#antiEntropy = new Loop({
      name: 'anti-entropy',
      intervalMs: antiEntropyIntervalMs,
      jitter: 0.2,
      isDelayed: true,
      clock,
      run: async () => this.#compareWithRandomPeers(),
    })
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    this.#work.start()
    await this.#server.start()
    this.#antiEntropy.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the registry stops'))
    await this.#antiEntropy.stop()
    // First what the network cannot hold up: it may never answer what follows.
    await this.#work.stop()
    for (const { database } of [...this.#replicas.values()]) await this.remove(database)
    await this.#server.stop()
  }

  /** Begins to replicate a log; between `start()` and `stop()`. */
  async add(database: RegistryDatabase): Promise<void> {
    const { address } = database
    if (this.#replicas.has(address)) return
    const replica = new LogReplica({
      ...this.#components,
      ...this.#shared,
      database,
      stopping: () => this.#stopping.signal,
      requestSync: (peerId, delayMs) => void this.#work.request(peerId, address, delayMs),
      greet: (peerId) => void this.#work.request(peerId, address, this.#rushMs()),
      noteSynced: (peerId) => this.#work.noteDone(peerId, address),
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
    this.#replicas.get(database.address)?.announcer.tellOwn(bytes)
  }

  /**
   * Both sides of a new connection would exchange each log, where one of the two does for both. When many come
   * at once we leave the first step to them, by chance so that not two of us wait as long.
   */
  #rushMs(): number {
    const { waitingCount } = this.#work
    if (waitingCount < RUSH.waiting) return 0
    const mostMs = Math.min(RUSH.mostMs, RUSH.afterMs + waitingCount * RUSH.eachMs)
    return mostMs * (0.5 + Math.random() / 2)
  }

  #compareWithRandomPeers(): void {
    for (const [address, replica] of this.#replicas) {
      const peerId = replica.randomSubscriber()
      if (peerId !== null) this.#work.request(peerId, address)
    }
  }
}
