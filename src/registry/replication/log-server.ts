import type { Clock } from '../../lib/clock.ts'
import { withDeadline } from '../../lib/deadline.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { TRANSFER_DEADLINE_MS, TRANSFER_HANDLER_OPTIONS, transferProtocol } from './log-transfer.ts'
import { PeerBudgets } from './peer-budgets.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { serveLog } from './serve-log.ts'
import { describe, withStream } from './stream-errors.ts'

/** Transfers served at the same time; more are refused and asked again later. */
const SERVED_LIMIT = 32
/** Transfers served to one peer: a burst for four databases in three epochs, then one a second. */
const BUDGET = { burst: 24, perSecond: 1, tolerated: { burst: 240, perSecond: 5 } }

export interface LogServerComponents {
  readonly transport: Pick<RegistryTransport, 'handle' | 'unhandle'>
  readonly conduct: Pick<PeerConduct, 'offend' | 'failedToUs'>
  readonly logger: Logger
  readonly clock: Clock
  databaseAt(address: string): RegistryDatabase | null
}

/** Serves what peers lack of our logs, to so many at once and to each so often. */
export class LogServer {
  readonly #components: LogServerComponents
  readonly #protocol: string
  readonly #budgets: PeerBudgets
  #serving = 0
  #stopping = new AbortController()

  constructor(networkName: string, components: LogServerComponents) {
    this.#components = components
    this.#protocol = transferProtocol(networkName)
    this.#budgets = new PeerBudgets(BUDGET, components.clock)
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
    const { conduct, logger, databaseAt } = this.#components
    const { peerId } = stream
    const allowance = this.#budgets.take(peerId)
    if (allowance === 'flood') conduct.offend(peerId, 'flood')
    if (this.#serving >= SERVED_LIMIT || allowance !== 'ok') {
      stream.abort(new Error('busy'))
      return
    }
    this.#serving += 1
    const limits = {
      ms: TRANSFER_DEADLINE_MS,
      label: 'serving a log',
      signal: this.#stopping.signal,
    }
    try {
      await withDeadline(
        (signal) => withStream(stream, signal, () => serveLog(stream, databaseAt, signal)),
        limits,
      )
    } catch (error) {
      conduct.failedToUs(peerId, error)
      logger.debug({ peer: peerId, error: describe(error) }, 'log not served')
    } finally {
      this.#serving -= 1
    }
  }
}
