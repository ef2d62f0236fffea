import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { TRANSFER_DEADLINE_MS, TRANSFER_HANDLER_OPTIONS, transferProtocol } from './log-transfer.ts'
import { LogWalks } from './log-walks.ts'
import { PeerBudgets } from './peer-budgets.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { serveLog } from './serve-log.ts'
import { Asker, type AskerOptions, ServedPlaces } from './served-places.ts'
import { describe, withStream } from './stream-errors.ts'

/** Of one peer at the same time, those included whose request is still read. */
const PER_PEER = 4
/** Transfers served to one peer: a burst for four databases in three epochs, then one a second. */
const BUDGET = { burst: 24, perSecond: 1, tolerated: { burst: 240, perSecond: 5 } }

export interface LogServerComponents {
  readonly transport: Pick<RegistryTransport, 'handle' | 'unhandle' | 'isKnown' | 'sourceOf'>
  readonly conduct: Pick<PeerConduct, 'offend' | 'failedToUs'>
  readonly logger: Logger
  readonly clock: Clock
  databaseAt(address: string): RegistryDatabase | null
}

/** Serves what peers lack of our logs, to so many at once, to each so often, and to all so much. */
export class LogServer {
  readonly #components: LogServerComponents
  readonly #protocol: string
  readonly #budgets: PeerBudgets
  readonly #places = new ServedPlaces()
  readonly #walks: LogWalks
  /** Peer -> its streams; no entry for a peer that has none. */
  readonly #streams = new Map<string, number>()
  #stopping = new AbortController()

  constructor(networkName: string, components: LogServerComponents) {
    this.#components = components
    this.#protocol = transferProtocol(networkName)
    this.#budgets = new PeerBudgets(BUDGET, components.clock)
    this.#walks = new LogWalks(components.clock)
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    const serve = (stream: PeerStream) => this.#serve(stream)
    await this.#components.transport.handle(this.#protocol, serve, TRANSFER_HANDLER_OPTIONS)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the registry stops'))
    await this.#components.transport.unhandle(this.#protocol)
  }

  async #serve(stream: PeerStream): Promise<void> {
    const { conduct, logger } = this.#components
    const { peerId } = stream
    const allowance = this.#budgets.take(peerId)
    if (allowance === 'flood') conduct.offend(peerId, 'flood')
    const streams = this.#streams.get(peerId) ?? 0
    if (streams >= PER_PEER || allowance !== 'ok') {
      stream.abort(new Error('busy'))
      return
    }
    this.#streams.set(peerId, streams + 1)
    try {
      await this.#serveAsker(new Asker(stream, this.#optionsOf(peerId), this.#components.clock))
    } catch (error) {
      conduct.failedToUs(peerId, error)
      logger.debug({ peer: peerId, error: describe(error) }, 'log not served')
    } finally {
      const left = (this.#streams.get(peerId) ?? 1) - 1
      if (left > 0) this.#streams.set(peerId, left)
      else this.#streams.delete(peerId)
    }
  }

  #optionsOf(peerId: string): AskerOptions {
    const { transport } = this.#components
    return { isKnown: transport.isKnown(peerId), source: transport.sourceOf(peerId) }
  }

  /** A place is taken when the request was read: one that never comes takes none. */
  async #serveAsker(asker: Asker): Promise<void> {
    const { databaseAt } = this.#components
    const { stream } = asker
    const admit = async ({ log }: RegistryDatabase) => {
      if (!this.#places.enter(asker)) throw new Error('busy')
      await this.#walks.begin(log.size, asker.isKnown)
    }
    const limits = {
      ms: TRANSFER_DEADLINE_MS,
      label: 'serving a log',
      signal: this.#stopping.signal,
    }
    try {
      await withDeadline(
        (signal) => withStream(stream, signal, () => serveLog(stream, databaseAt, signal, admit)),
        limits,
      )
    } finally {
      this.#places.leave(asker)
    }
  }
}
