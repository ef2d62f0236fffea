import type { Clock } from '../../lib/clock.ts'
import { escapeRemote } from '../../lib/text.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { DiscoveryMetrics } from '../discovery/metrics.ts'
import type { Seed, Seeds } from '../discovery/seeds.ts'
import type { Candidate } from '../types.ts'
import type { Attempts } from './attempts.ts'
import {
  type CandidateEntry,
  type CandidateTable,
  policyOf,
  usableAddresses,
} from './candidate-table.ts'
import { isRelayedOnly } from './choose.ts'
import type { DialPort, Reached } from './dial-port.ts'
import type { Outbound } from './outbound.ts'
import { classifyDialError, type DialOutcome, DialRefusal, describeDialError } from './outcome.ts'
import { addressOfIp, type PeerNetwork } from './peer-network.ts'
import {
  afterCrowd,
  afterFailure,
  afterNoUpgrade,
  afterPause,
  afterRefusal,
  afterSuccess,
} from './retry.ts'

export interface DialJobsComponents {
  readonly port: Pick<DialPort, 'isAllowed' | 'networkOf' | 'hangUp' | 'isInbound'>
  readonly seeds: Pick<Seeds, 'reached' | 'isSelf' | 'refused' | 'unreachable'>
  readonly attempts: Attempts
  readonly table: Pick<CandidateTable, 'delete'>
  readonly outbound: Pick<Outbound, 'isConnected' | 'keep' | 'choose' | 'isFull'>
  readonly logger: Logger
  readonly metrics: DiscoveryMetrics
  readonly clock: Clock
  readonly random: () => number
  readonly propose: (candidate: Candidate) => void
}

interface DialFacts {
  readonly source: Candidate['source']
  readonly peerId: string | null
  readonly reason: string | null
}

/** One dial from its first address to what is learned of its outcome, which is counted and logged here. */
export class DialJobs {
  readonly #components: DialJobsComponents

  constructor(components: DialJobsComponents) {
    this.#components = components
  }

  async seed(seed: Seed, signal: AbortSignal): Promise<void> {
    const { seeds, attempts, outbound, clock, propose } = this.#components
    try {
      const { reached, others } = await attempts.seed(seed, signal)
      if (!outbound.isConnected(reached.peerId)) throw new Error('the connection closed at once')
      this.#record('ok', { source: 'seed', peerId: reached.peerId, reason: null })
      // The operator's choice takes no place of this node's.
      outbound.choose(reached.peerId, [])
      seeds.reached(seed, reached.peerId, clock.now())
      for (const other of others) propose({ source: 'seed', ...other })
    } catch (error) {
      if (signal.aborted) return
      const outcome = classifyDialError(error)
      const reason = describeDialError(error)
      const nowMs = clock.now()
      if (outcome === 'self') seeds.isSelf(seed, nowMs)
      else if (outcome === 'wrong-peer') seeds.refused(seed, reason, nowMs)
      else seeds.unreachable(seed, reason, nowMs)
      this.#record(outcome, { source: 'seed', peerId: seed.pinnedPeerId, reason })
    }
  }

  async candidate(entry: CandidateEntry, signal: AbortSignal): Promise<void> {
    const { attempts, outbound, table, clock, propose } = this.#components
    const { source, peerId } = entry
    try {
      const isFull = (network: PeerNetwork) => source !== 'seed' && outbound.isFull(network)
      const reached = await attempts.candidate(entry, signal, { isFull })
      const networks = this.#networksOf(reached)
      if (networks.some(isFull)) await this.#sendAway(entry, reached.peerId)
      this.#record('ok', { source, peerId: reached.peerId, reason: null })
      entry.retry = afterSuccess(entry.retry, clock.now())
      outbound.choose(reached.peerId, networks)
      if (peerId !== null) return
      // Now that it has a name, the address is kept under it.
      table.delete(entry.key)
      propose({ source, peerId: reached.peerId, addresses: [reached.address] })
    } catch (error) {
      if (signal.aborted) return
      const outcome = classifyDialError(error)
      this.#record(outcome, { source, peerId, reason: describeDialError(error) })
      this.#putOff(entry, outcome)
    }
  }

  /**
   * Dials one that no source proposed and nothing is kept of.
   * @throws what `classifyDialError` can sort
   */
  async once({ source, peerId, addresses }: Candidate, signal: AbortSignal): Promise<Reached> {
    const { attempts, outbound, port } = this.#components
    const usable = addresses
      .filter((address) => port.isAllowed(address, source))
      .flatMap((text) => usableAddresses(text, peerId))
      .map(({ address }) => ({ address, source }))
    try {
      const target = { source, peerId, addresses: usable, relayed: [] }
      const reached = await attempts.candidate(target, signal)
      this.#record('ok', { source, peerId: reached.peerId, reason: null })
      outbound.keep(reached.peerId)
      return reached
    } catch (error) {
      const outcome = classifyDialError(error)
      this.#record(outcome, { source, peerId, reason: describeDialError(error) })
      throw error
    }
  }

  #networksOf({ address, ips = [] }: Reached): PeerNetwork[] {
    const { networkOf } = this.#components.port
    return [address, ...ips.map(addressOfIp)].map(networkOf)
  }

  /** Whatever it said of itself before, it is where others are already. @throws DialRefusal `crowded` */
  async #sendAway(entry: CandidateEntry, peerId: string): Promise<never> {
    const { port, outbound } = this.#components
    const { retry } = entry
    // Who dialled this node meanwhile is connected by its own choice, and stays.
    if (port.isInbound(peerId)) outbound.keep(peerId)
    else await port.hangUp(peerId)
    // That the connection ended at once was not its doing.
    entry.retry = retry
    throw new DialRefusal('crowded', 'enough peers of its subnet are connected')
  }

  #putOff(entry: CandidateEntry, outcome: DialOutcome): void {
    const { clock, random } = this.#components
    const nowMs = clock.now()
    const isFinal = outcome === 'wrong-peer' || outcome === 'self'
    if (isFinal) entry.retry = afterRefusal(entry.retry, nowMs, random)
    else if (outcome === 'crowded') entry.retry = afterCrowd(entry.retry, nowMs, random)
    else if (outcome === 'paced') entry.retry = afterPause(entry.retry, nowMs, random)
    else if (outcome === 'not-upgraded' && isRelayedOnly(entry)) {
      entry.retry = afterNoUpgrade(entry.retry, nowMs, random)
    } else entry.retry = afterFailure(entry.retry, policyOf(entry), nowMs, random)
  }

  #record(outcome: DialOutcome, facts: DialFacts): void {
    const { metrics, logger } = this.#components
    metrics.dialed(outcome, facts.source)
    if (!logger.isLevelEnabled('debug')) return
    const reason = facts.reason === null ? undefined : escapeRemote(facts.reason)
    logger.debug({ outcome, ...facts, reason }, 'dial ended')
  }
}
