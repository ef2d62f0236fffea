import { BoundedMap } from '../../lib/bounded-map.ts'
import { withDeadline } from '../../lib/deadline.ts'
import type { PeerStream, RegistryTransport } from '../../network/types.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryMetrics } from '../metrics.ts'
import type { RegistryDatabase } from '../store/database.ts'
import { hashOf } from '../store/entry-codec.ts'
import {
  type ExchangeResult,
  exchangeHeads,
  HEADS_DEADLINE_MS,
  HEADS_HANDLER_OPTIONS,
  type HeadReceipt,
  headsProtocol,
} from './heads-exchange.ts'
import { observed, whileAlive } from './patience.ts'
import type { PeerBudgets } from './peer-budgets.ts'
import type { PeerConduct } from './peer-conduct.ts'
import { describe, withStream } from './stream-errors.ts'

/** A peer that never answered so far has this long for its first sign; once it failed, all the time. */
const FIRST_SIGN_MS = 4000
/** Peers whose offered heads are remembered until their log has been asked for. */
const OFFERS_LIMIT = 64

export interface HeadsServiceComponents {
  readonly database: RegistryDatabase
  readonly transport: Pick<RegistryTransport, 'handle' | 'unhandle' | 'open'>
  /** Shared by all logs. */
  readonly headsAnswered: PeerBudgets
  readonly conduct: PeerConduct
  readonly metrics: Pick<RegistryMetrics, 'exchange'>
  readonly logger: Logger
  receive(bytes: Uint8Array, peerId: string): Promise<HeadReceipt>
  /** A peer that began an exchange has been heard. */
  onAnswered(peerId: string, result: ExchangeResult): void
  /** Aborted when replication stops. */
  stopping(): AbortSignal
}

/** Exchanges the heads of one log, asking and answering. */
export class HeadsService {
  readonly #components: HeadsServiceComponents
  readonly #protocol: string
  /** Heads that a peer offered in its last exchange and that wait for ancestors. */
  readonly #offered = new BoundedMap<string, readonly string[]>({ limit: OFFERS_LIMIT })

  constructor(components: HeadsServiceComponents) {
    this.#components = components
    this.#protocol = headsProtocol(components.database.address)
  }

  async start(): Promise<void> {
    const handler = (stream: PeerStream) => this.#answer(stream)
    await this.#components.transport.handle(this.#protocol, handler, HEADS_HANDLER_OPTIONS)
  }

  async stop(): Promise<void> {
    this.#offered.clear()
    await this.#components.transport.unhandle(this.#protocol)
  }

  /** Both sides tell their heads. @throws DeadlineError, FramingError, stream errors. */
  async exchangeWith(peerId: string, outer: AbortSignal): Promise<ExchangeResult> {
    const { transport, conduct } = this.#components
    const firstSignMs = conduct.rankOf(peerId) === 'unknown' ? FIRST_SIGN_MS : HEADS_DEADLINE_MS
    const exchange = async (signal: AbortSignal, onSign: () => void) => {
      const stream = await transport.open(peerId, this.#protocol, signal)
      return withStream(stream, signal, () => this.#exchange(observed(stream, onSign), signal))
    }
    const whole = { ms: HEADS_DEADLINE_MS, label: 'an exchange of heads', signal: outer }
    return withDeadline((signal) => {
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

  async #answer(stream: PeerStream): Promise<void> {
    const { metrics, logger, stopping, headsAnswered, conduct, onAnswered } = this.#components
    const { peerId } = stream
    const allowance = headsAnswered.take(peerId)
    if (allowance !== 'ok') {
      metrics.exchange('heads', 'answer_refused')
      if (allowance === 'flood') conduct.offend(peerId, 'flood')
      stream.abort(new Error('busy'))
      return
    }
    try {
      const result = await withDeadline(
        (signal) => withStream(stream, signal, () => this.#exchange(stream, signal)),
        { ms: HEADS_DEADLINE_MS, label: 'answering heads', signal: stopping() },
      )
      metrics.exchange('heads', 'answered')
      onAnswered(peerId, result)
    } catch (error) {
      metrics.exchange('heads', 'answer_failed')
      conduct.failedToUs(peerId, error)
      logger.debug({ peer: peerId, error: describe(error) }, 'exchange with a peer failed')
    }
  }

  async #exchange(stream: PeerStream, signal: AbortSignal): Promise<ExchangeResult> {
    const { database, receive } = this.#components
    const { peerId } = stream
    const waiting: string[] = []
    const take = async (bytes: Uint8Array) => {
      const receipt = await receive(bytes, peerId)
      if (receipt === 'held') waiting.push(hashOf(bytes))
      return receipt
    }
    const result = await exchangeHeads(stream, database, take, signal)
    this.#offered.set(peerId, waiting)
    return result
  }
}
