import type { Connection, Stream } from '@libp2p/interface'

import type { Clock } from '../../../lib/clock.ts'
import { withDeadline } from '../../../lib/deadline.ts'
import { TokenBuckets } from '../../../lib/token-buckets.ts'
import type { RelayClient } from '../types.ts'
import { answerAndClose } from './answer.ts'
import { relayClientOf } from './client-source.ts'
import { answerConnect, destinationOf } from './connect.ts'
import { REQUEST_BURST, REQUEST_DEADLINE_MS, REQUESTS_PER_SECOND } from './constants.ts'
import { readMessage } from './message-stream.ts'
import type { HopParts, Refusal } from './parts.ts'
import { WireError } from './protobuf.ts'
import { answerReserve } from './reserve.ts'
import { decodeHopMessage, HOP_TYPE, type HopMessage, STATUS } from './wire.ts'

/** Peers whose requests are counted; the one longest silent is forgotten. */
const COUNTED_PEERS = 4_096

interface HopRequest {
  readonly client: RelayClient
  readonly connection: Connection
  readonly stream: Stream
  readonly message: HopMessage
  /** What came after the request. */
  readonly rest: Uint8Array
}

/** Reads what clients want, has it done, and answers. What they may want is bounded by peer and second. */
export class RequestHandler {
  readonly #parts: HopParts
  readonly #asked: TokenBuckets
  #isAddressMissed = false

  constructor(parts: HopParts, clock: Clock) {
    this.#parts = parts
    this.#asked = new TokenBuckets({
      limit: COUNTED_PEERS,
      // All its circuits at once, and all of them again.
      capacity: REQUEST_BURST + 2 * parts.limits.circuits.perSource,
      refillPerSecond: REQUESTS_PER_SECOND,
      clock,
    })
  }

  /** Serves one hop stream until it, or the circuit that it became, has ended. Never throws. */
  async serve(stream: Stream, connection: Connection, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#answer(stream, connection, signal)
      if (answer !== null) await answerAndClose(stream, answer, signal)
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      stream.abort(reason)
      const peer = connection.remotePeer.toString()
      this.#parts.logger.debug({ peer, reason: reason.message }, 'Relay request failed')
    }
  }

  /** @returns null when there is nothing left to say. @throws what ends the stream without an answer */
  async #answer(
    stream: Stream,
    connection: Connection,
    signal: AbortSignal,
  ): Promise<Partial<HopMessage> | null> {
    const client = relayClientOf(connection)
    const received = await read(stream, signal)
    if (received === null) return this.#unclear(client, malformed)
    const request: HopRequest = { client, connection, stream, ...received }
    switch (received.message.type) {
      case null:
        return this.#unclear(client, malformed)
      case HOP_TYPE.reserve:
        return await this.#reserve(request, signal)
      case HOP_TYPE.connect:
        return await this.#connect(request, signal)
      default:
        return this.#unclear(client, unexpected)
    }
  }

  async #reserve(
    { client, connection }: HopRequest,
    signal: AbortSignal,
  ): Promise<Partial<HopMessage>> {
    const answer = !this.#asked.tryTake(client.peerId)
      ? { status: STATUS.reservationRefused, reason: 'requests' }
      : await answerReserve(connection, this.#parts, signal)
    if (!('reason' in answer)) return answer
    if (answer.reason === 'no_address') this.#warnOfAddresses()
    this.#parts.events.reservationRefused(client, answer.reason)
    return { type: HOP_TYPE.status, status: answer.status }
  }

  async #connect(
    { client, connection, stream, message, rest }: HopRequest,
    signal: AbortSignal,
  ): Promise<Partial<HopMessage> | null> {
    const destination = destinationOf(message.peer)
    if (destination === null) return this.#unclear(client, malformed)
    const refusal = !this.#asked.tryTake(client.peerId)
      ? { status: STATUS.resourceLimitExceeded, reason: 'requests' }
      : await answerConnect({ connection, stream, rest, destination }, this.#parts, signal)
    if (refusal === null) return null
    this.#parts.events.circuitRefused(client, destination, refusal.reason)
    return { type: HOP_TYPE.status, status: refusal.status }
  }

  /** Nobody knows what for: it counts among the circuits, without a destination. */
  #unclear(client: RelayClient, { status, reason }: Refusal): Partial<HopMessage> {
    this.#parts.events.circuitRefused(client, null, reason)
    return { type: HOP_TYPE.status, status }
  }

  #warnOfAddresses(): void {
    if (this.#isAddressMissed) return
    this.#isAddressMissed = true
    const text =
      'The relay refuses reservations: no address is announced that leads here from outside'
    this.#parts.logger.warn({}, text)
  }
}

const malformed: Refusal = { status: STATUS.malformedMessage, reason: 'malformed_message' }
const unexpected: Refusal = { status: STATUS.unexpectedMessage, reason: 'unexpected_message' }

/** null for what is no hop message. @throws DeadlineError, the signal's reason */
async function read(
  stream: Stream,
  signal: AbortSignal,
): Promise<Pick<HopRequest, 'message' | 'rest'> | null> {
  const options = { ms: REQUEST_DEADLINE_MS, label: 'reading a relay request', signal }
  try {
    const { message, rest } = await withDeadline((inner) => readMessage(stream, inner), options)
    return { message: decodeHopMessage(message), rest }
  } catch (error) {
    if (error instanceof WireError) return null
    throw error
  }
}
