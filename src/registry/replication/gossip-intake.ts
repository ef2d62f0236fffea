import type { MessageVerdict, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import { RegistryError } from '../errors.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { GossipBudget } from './gossip-budget.ts'
import type { Inbox } from './inbox.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { describe } from './stream-errors.ts'

/** Messages being joined at once; beyond it an exchange fetches what was dropped. */
const LIMIT = 256
/**
 * Those of one peer. Each is a write of its own, tens of ms on a slow disk: what others tell must not
 * wait behind all that one has to say. A burst is joined faster by the exchange that it leads to.
 */
const LIMIT_PER_PEER = 64
/** An entry whose parents are missing waits this long for gossip to bring them in another order. */
const ORDER_MS = 300

export interface GossipIntakeComponents {
  readonly database: RegistryDatabase
  readonly inbox: Pick<Inbox, 'receive'>
  readonly transport: Pick<RegistryTransport, 'connectedPeers'>
  readonly budget: GossipBudget
  readonly conduct: Pick<PeerConduct, 'offend'>
  readonly metrics: Pick<RegistryMetrics, 'gossipSkipped'>
  readonly logger: Logger
  onRejected(database: RegistryDatabase, reason: string): void
  requestSync(peerId: string, delayMs?: number): void
  randomSubscriber(): string | null
}

/** What gossip brings of one log: judged before it is passed on, then joined, a bounded number at once. */
export class GossipIntake {
  readonly #components: GossipIntakeComponents
  /** Peer -> its messages being joined; no entry for a peer that has none. */
  readonly #inFlight = new Map<string, number>()
  #count = 0

  constructor(components: GossipIntakeComponents) {
    this.#components = components
  }

  /** Judges a message before it is forwarded: what breaks a rule ends here. */
  validate(from: string, bytes: Uint8Array): MessageVerdict {
    const { database, conduct, budget, requestSync, onRejected } = this.#components
    const allowance = budget.take(from)
    // What is held already, told again under another message, costs only its sender.
    if (allowance === 'ok' && database.holds(bytes)) return 'ignore'
    if (allowance !== 'ok' || !budget.tryTakeNew(from)) {
      if (allowance === 'flood') conduct.offend(from, 'flood')
      else requestSync(from)
      this.#skip('peer_budget')
      return 'ignore'
    }
    const verdict = database.judge(bytes)
    if (verdict.isAccepted) return 'accept'
    onRejected(database, verdict.reason)
    if (verdict.isTemporary) return 'ignore'
    conduct.offend(from, 'broken_rule')
    return 'reject'
  }

  /** Joins an accepted message, or leaves it to an exchange. Never throws. */
  async take(from: string, bytes: Uint8Array): Promise<void> {
    const { transport, inbox, database, requestSync, logger } = this.#components
    const isConnected = transport.connectedPeers().includes(from)
    const peerId = isConnected ? from : this.#components.randomSubscriber()
    const inFlight = this.#inFlight.get(from) ?? 0
    if (this.#count >= LIMIT || inFlight >= LIMIT_PER_PEER) {
      this.#skip('too_many_at_once')
      if (peerId !== null) requestSync(peerId)
      return
    }
    this.#count += 1
    this.#inFlight.set(from, inFlight + 1)
    try {
      const receipt = await inbox.receive(bytes, 'gossip', from)
      if (receipt === 'held' && peerId !== null) requestSync(peerId, ORDER_MS)
    } catch (error) {
      // A disk that takes no writes, or a registry that stops, has been said once for all entries.
      const level = error instanceof RegistryError ? 'debug' : 'warn'
      logger[level]({ database: database.name, error: describe(error) }, 'entry not joined')
    } finally {
      this.#count -= 1
      const left = (this.#inFlight.get(from) ?? 1) - 1
      if (left > 0) this.#inFlight.set(from, left)
      else this.#inFlight.delete(from)
    }
  }

  #skip(reason: string): void {
    const { metrics, database } = this.#components
    metrics.gossipSkipped(database.options.name, reason)
  }
}
