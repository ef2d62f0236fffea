import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import type { RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import { hashOf } from '../store/entry-codec.ts'
import type { BlockFetcher } from './bitswap.ts'
import { PutOffError } from './intake.ts'
import type { LogReplica } from './log-replica.ts'
import { FIRST_LIMIT, TRANSFER_DEADLINE_MS, transferProtocol } from './log-transfer.ts'
import { observed, whileAlive } from './patience.ts'
import { type Gains, isCutShort, isSlow, isTooMuch, type PeerConduct } from './peer-conduct.ts'
import { pullLog } from './pull-log.ts'
import { describe, withStream } from './stream-errors.ts'

/** A peer that sends nothing of its log for so long is given up; a slow one takes the whole time. */
const SIGN_MS = 10_000
/** A log transfer that failed while entries wait for it is tried again after this long. */
const RETRY_MS = 2000
/** Transfers that go on where the one before was cut short. */
const PLACES_LIMIT = 256

export interface PeerSyncComponents {
  readonly transport: Pick<RegistryTransport, 'open'>
  readonly fetcher: BlockFetcher | null
  readonly conduct: PeerConduct
  readonly metrics: RegistryMetrics
  readonly logger: Logger
  readonly clock: Pick<Clock, 'now'>
  /** @returns whether it will be done. */
  requestSync(peerId: string, address: string, delayMs?: number): boolean
}

interface SyncJob {
  readonly peerId: string
  readonly replica: LogReplica
  readonly gains: GainCount
}

interface Outcome {
  readonly isAnswered: boolean
  /** Whether another transfer of this peer's log follows. */
  readonly goesOn: boolean
}

class GainCount implements Gains {
  entries = 0
  bytes = 0

  add(entries: number, bytes: number): void {
    this.entries += entries
    this.bytes += bytes
  }
}

/** Brings one log up to one peer's: an exchange of heads, then a transfer of what is missing. */
export class PeerSync {
  readonly #components: PeerSyncComponents
  readonly #protocol: string
  /** Logs of which a transfer with entries before their parents did not come to its end. */
  readonly #inOrder = new WeakSet<LogReplica>()
  /** Log and peer -> the last entry that was taken of its log before the transfer was too long. */
  readonly #places = new BoundedMap<string, string>({ limit: PLACES_LIMIT })

  constructor(networkName: string, components: PeerSyncComponents) {
    this.#components = components
    this.#protocol = transferProtocol(networkName)
  }

  /** @throws what the exchange of heads, or bitswap, throws; it is counted and logged. */
  async run(peerId: string, replica: LogReplica, signal: AbortSignal): Promise<void> {
    let goesOn = false
    try {
      goesOn = await this.#sync(peerId, replica, signal)
    } finally {
      if (!goesOn) await replica.orphans.close(peerId)
    }
    replica.announcer.tellNoted()
  }

  /** @returns whether another transfer of this peer's log follows at once. */
  async #sync(peerId: string, replica: LogReplica, signal: AbortSignal): Promise<boolean> {
    const { conduct, clock, fetcher } = this.#components
    const gains = new GainCount()
    const startedMs = clock.now()
    const noteSlow = () => {
      const wasSlow = isSlow(gains, clock.now() - startedMs)
      if (wasSlow) conduct.wasSlow(peerId)
      return wasSlow
    }
    const { isAnswered, goesOn } = await this.#exchange({ peerId, replica, gains }, signal).catch(
      (error: unknown) => {
        noteSlow()
        throw error
      },
    )
    const wasSlow = noteSlow()
    if (isAnswered && !wasSlow) conduct.answered(peerId)
    if (replica.heldCount > 0 && fetcher !== null) {
      await this.#count('bitswap', peerId, () => replica.fetchHeld(signal))
    }
    return goesOn && !wasSlow
  }

  async #exchange(job: SyncJob, signal: AbortSignal): Promise<Outcome> {
    const { peerId, replica } = job
    const exchange = () => replica.heads.exchangeWith(peerId, signal)
    const { isCut } = await this.#count('heads', peerId, exchange)
    const isUnfinished = this.#places.has(placeKey(peerId, replica))
    const isNeeded = replica.heldCount > 0 || replica.isIncomplete || isCut || isUnfinished
    return isNeeded ? await this.#transfer(job, signal) : { isAnswered: true, goesOn: false }
  }

  async #transfer(job: SyncJob, signal: AbortSignal): Promise<Outcome> {
    const { requestSync } = this.#components
    const { peerId, replica, gains } = job
    const { address } = replica.database
    const wasInOrder = this.#inOrder.has(replica)
    const pull = (isWhole: boolean) =>
      this.#count('log', peerId, () => this.#pull(job, signal, isWhole))
    const failure = await pull(false).then(
      () => null,
      (cause: unknown) => ({ cause }),
    )
    const isHelping = gains.entries > 0
    if (failure?.cause instanceof PutOffError) {
      // In order there may be more that can be taken. The rest waits for the next round of anti-entropy.
      const isMore = this.#inOrder.has(replica) && !wasInOrder
      const willBeAsked = isMore && requestSync(peerId, address, isHelping ? 0 : RETRY_MS)
      return { isAnswered: true, goesOn: isHelping && willBeAsked }
    }
    const isAnswered = failure === null
    // Some of what is lost is back and names more that is: the whole log has it all.
    if (isHelping && isAnswered && replica.isIncomplete) await pull(true)
    // Cut short by its budget or by the peer's: where it helped, it is worth going on.
    if (isHelping && (!isAnswered || replica.isIncomplete)) {
      return { isAnswered, goesOn: requestSync(peerId, address) }
    }
    // Refused because we asked often: what waits must not wait for the next round of anti-entropy.
    if (!isAnswered && replica.heldCount > 0) requestSync(peerId, address, RETRY_MS)
    return { isAnswered, goesOn: false }
  }

  async #pull(job: SyncJob, outer: AbortSignal, isWhole: boolean): Promise<void> {
    const { transport, metrics } = this.#components
    const { peerId, replica, gains } = job
    const { database } = replica
    const offered = replica.heads.takeOffers(peerId)
    const before = gains.entries
    const isFirst = !isWhole && !this.#inOrder.has(replica)
    const first = isFirst && replica.orphans.tryOpen(peerId) ? FIRST_LIMIT : 0
    const orphans = replica.orphans.goOn(peerId)
    const key = placeKey(peerId, replica)
    const after = isWhole ? null : (this.#places.peek(key) ?? null)
    this.#places.delete(key)
    let hasBegun = false
    let taken: Uint8Array | null = null
    const pull = async (signal: AbortSignal, refresh: () => void) => {
      const onSign = () => {
        hasBegun = true
        refresh()
      }
      const stream = observed(await transport.open(peerId, this.#protocol, signal), onSign)
      const onTaken = (bytes: Uint8Array) => {
        taken = bytes
      }
      const onGained = (entries: number, bytes: number) => gains.add(entries, bytes)
      const entrance = { ...replica.entrance(peerId, onSign), onTaken, onGained }
      const components = { database, orphans, ...entrance }
      const work = () => pullLog(stream, components, signal, { isWhole, first, after })
      return withStream(stream, signal, work)
    }
    const limits = { ms: TRANSFER_DEADLINE_MS, label: 'a log transfer', signal: outer }
    const transfer = withDeadline(
      (signal) => whileAlive(pull, { ms: SIGN_MS, label: 'waiting for a log', signal }),
      limits,
    )
    const joined = await transfer.catch((cause: unknown) => {
      // On a slow line there may be no time for both: what comes early, and what it waits for. And one
      // entry that is ahead of our clock must not keep out all that is not.
      if (first > 0 && hasBegun) this.#inOrder.add(replica)
      // Of a log that we have, the whole may be as long as it likes.
      const gained = isWhole ? Number.POSITIVE_INFINITY : gains.entries - before
      if (!isCutShort(cause, gained)) throw cause
      // What came first out of its order is far behind by then.
      if (!isWhole && isTooMuch(cause) && taken !== null) this.#places.set(key, hashOf(taken))
      throw new Error('the log takes another transfer', { cause })
    })
    this.#inOrder.delete(replica)
    metrics.peerAhead(database.options.name, joined)
    replica.noteLogReceived(peerId, offered)
  }

  async #count<T>(
    kind: 'heads' | 'log' | 'bitswap',
    peerId: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const { metrics, logger, conduct } = this.#components
    const startedMs = performance.now()
    try {
      const result = await work()
      metrics.exchange(kind, 'ok', (performance.now() - startedMs) / 1000)
      return result
    } catch (error) {
      metrics.exchange(kind, 'failed')
      if (kind !== 'bitswap') conduct.failed(peerId, error)
      logger.debug({ kind, peer: peerId, error: describe(error) }, 'exchange with a peer failed')
      throw error
    }
  }
}

function placeKey(peerId: string, { database }: LogReplica): string {
  return `${database.address} ${peerId}`
}
