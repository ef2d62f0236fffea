import type { Clock } from '../../lib/clock.ts'
import type { SharedBudget } from '../../lib/shared-budget.ts'
import type { RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { EntrySource, RegistryDatabase } from '../store/database.ts'
import { hashOf } from '../store/entry-codec.ts'
import type { RecordView } from '../view.ts'
import { fetchHeld } from './ancestor-fetch.ts'
import { Announcer } from './announcer.ts'
import type { BlockFetcher } from './bitswap.ts'
import type { GossipBudget } from './gossip-budget.ts'
import { GossipIntake } from './gossip-intake.ts'
import type { HeadReceipt } from './heads-exchange.ts'
import { HeadsService } from './heads-service.ts'
import { Inbox, type Receipt } from './inbox.ts'
import type { IntakeEntrance } from './intake.ts'
import type { OrphanPlaces } from './orphans.ts'
import type { PeerBudgets } from './peer-budgets.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { PeerOrphans } from './peer-orphans.ts'

export interface LogReplicaComponents {
  readonly transport: RegistryTransport
  readonly database: RegistryDatabase
  readonly fetcher: BlockFetcher | null
  /** Shows what has not joined yet; absent: all comes parents first. */
  readonly view: Pick<RecordView, 'preview'>
  readonly metrics: RegistryMetrics
  readonly logger: Logger
  readonly clock: Clock
  /** Shared by all logs. */
  readonly headsAnswered: PeerBudgets
  readonly headsJudged: SharedBudget
  readonly gossipBudget: GossipBudget
  readonly orphanPlaces: OrphanPlaces
  readonly conduct: PeerConduct
  onRejected(database: RegistryDatabase, reason: string): void
  requestSync(peerId: string, delayMs?: number): void
  /** For a peer that has just come: at once, in a rush soon, unless it comes with the exchange itself. */
  greet(peerId: string): void
  /** An exchange that the peer began has done what one of ours would. */
  noteSynced(peerId: string): void
  /** Aborted when replication stops. */
  stopping(): AbortSignal
}

/** One log's side of replication: its gossip topic, its heads, and what waits to join it. */
export class LogReplica {
  readonly database: RegistryDatabase
  readonly heads: HeadsService
  readonly announcer: Announcer
  /** What peers' transfers brought before their parents. */
  readonly orphans: PeerOrphans
  readonly #components: LogReplicaComponents
  readonly #inbox: Inbox
  readonly #gossip: GossipIntake
  #isFetching = false
  #unsubscribe: (() => void) | null = null

  constructor(components: LogReplicaComponents) {
    const { database, gossipBudget, onRejected, requestSync, noteSynced } = components
    const { view, orphanPlaces, clock } = components
    this.#components = components
    this.database = database
    this.#inbox = new Inbox({
      database,
      onRejected: (reason) => onRejected(database, reason),
      onJoined: (hash, source, clockMs) => this.#noteJoined(hash, source, clockMs),
    })
    this.#gossip = new GossipIntake({
      ...components,
      inbox: this.#inbox,
      budget: gossipBudget,
      randomSubscriber: () => this.randomSubscriber(),
    })
    this.announcer = new Announcer(components)
    this.orphans = new PeerOrphans({
      places: orphanPlaces,
      clock,
      preview: () => view.preview(database.options.name),
    })
    this.heads = new HeadsService({
      ...components,
      receive: (bytes, peerId) => this.#receiveHead(bytes, peerId),
      onAnswered: (peerId, { held, isCut, isSkipped }) => {
        // Not where it told as many as it may: of two that know the same each would ask the other for ever.
        if (held > 0 || isSkipped) requestSync(peerId)
        else if (this.heldCount === 0 && !this.isIncomplete && !isCut) {
          noteSynced(peerId)
          // All that it has is here: no other transfer of its log follows.
          void this.orphans.close(peerId)
        }
        this.announcer.tellNoted()
      },
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
    const { transport, database, requestSync, greet } = this.#components
    const { address } = database
    await this.heads.start()
    const unsubscribers = [
      transport.onSubscriber(address, greet),
      transport.onPeer((peerId, isConnected) => {
        if (!isConnected) void this.orphans.close(peerId)
      }),
    ]
    this.#unsubscribe = () => {
      for (const unsubscribe of unsubscribers) unsubscribe()
    }
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
    await this.orphans.stop()
    this.#inbox.clear()
    this.announcer.clear()
    await this.heads.stop()
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

  /**
   * Called when the log of this peer has been received to its end. What it offered before, or sent before
   * its parents, and whose ancestors it did not send, is unresolvable: it cannot have joined it itself.
   * While entries are missing on our own disk, they may be the reason.
   */
  noteLogReceived(peerId: string, offered: readonly string[]): void {
    const { conduct } = this.#components
    const isUnresolved = offered.some((hash) => this.#inbox.isUnresolved(hash))
    const hasOrphans = this.orphans.of(peerId)?.hasUnresolved(this.database) ?? false
    if ((isUnresolved || hasOrphans) && !this.isIncomplete) conduct.offend(peerId, 'unresolvable')
  }

  /** Gets the ancestors of what is held block by block, one peer's turn at a time. @throws DeadlineError. */
  async fetchHeld(signal: AbortSignal): Promise<void> {
    const { fetcher, database } = this.#components
    if (fetcher === null || this.#isFetching) return
    this.#isFetching = true
    try {
      await fetchHeld(database, this.#inbox, fetcher, signal)
    } finally {
      this.#isFetching = false
    }
  }

  randomSubscriber(): string | null {
    const peers = this.#components.transport.subscribers(this.database.address)
    return peers[Math.floor(Math.random() * peers.length)] ?? null
  }

  /** One that was judged before, or waits already, costs its hash; of others so many are judged for all peers. */
  async #receiveHead(bytes: Uint8Array, peerId: string): Promise<HeadReceipt> {
    const { headsJudged, transport } = this.#components
    const hash = hashOf(bytes)
    if (this.#inbox.isUnresolved(hash)) return 'held'
    const isFree = this.database.isJudged(hash)
    if (!isFree && !headsJudged.tryTake(1, transport.isKnown(peerId))) return 'skipped'
    return this.receive(bytes, peerId)
  }

  #noteJoined(hash: string, source: EntrySource, clockMs: number): void {
    const { metrics, clock } = this.#components
    if (source === 'gossip') {
      metrics.gossipLag(this.database.options.name, (clock.now() - clockMs) / 1000)
    }
    if (source === 'exchange') this.announcer.note(hash)
  }
}
