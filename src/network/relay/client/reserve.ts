import { readFrame } from '../../discovery/peer-exchange-codec.ts'
import { NetworkError } from '../../errors.ts'
import type { RegistryTransport } from '../../types.ts'
import {
  decodeHopMessage,
  encodeHopMessage,
  HOP_PROTOCOL,
  HOP_TYPE,
  STATUS,
  type WireReservation,
} from '../hop/wire.ts'
import { LIMIT_REPLY_BYTES } from './constants.ts'

/** Why there is no reservation; the first four are the relay's word. */
export type ReserveFailure =
  | 'refused'
  | 'full'
  | 'denied'
  | 'rejected'
  | 'not-connected'
  | 'unsupported'
  | 'bad-reply'
  | 'no-address'
  | 'failed'

export class ReserveError extends Error {
  override readonly name = 'ReserveError'
  readonly code: ReserveFailure

  constructor(code: ReserveFailure, options: { cause?: unknown } = {}) {
    super(`no reservation: ${code}`, options)
    this.code = code
  }
}

const REFUSALS: ReadonlyMap<number, ReserveFailure> = new Map([
  [STATUS.reservationRefused, 'refused'],
  [STATUS.resourceLimitExceeded, 'full'],
  [STATUS.permissionDenied, 'denied'],
])

/**
 * Asks a peer over its own direct connection to be our relay (RESERVE of circuit v2); the same request
 * refreshes. @throws ReserveError; the signal's reason
 */
export async function reserve(
  transport: Pick<RegistryTransport, 'open'>,
  peerId: string,
  signal: AbortSignal,
): Promise<WireReservation> {
  const answer = await ask(transport, peerId, signal)
  if (answer.status === STATUS.ok && answer.reservation !== null) return answer.reservation
  if (answer.type !== HOP_TYPE.status || answer.status === STATUS.ok || answer.status === null) {
    throw new ReserveError('bad-reply')
  }
  throw new ReserveError(REFUSALS.get(answer.status) ?? 'rejected')
}

async function ask({ open }: Pick<RegistryTransport, 'open'>, peerId: string, signal: AbortSignal) {
  const stream = await open(peerId, HOP_PROTOCOL, signal).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new ReserveError(codeOf(cause), { cause })
  })
  const onAbort = () => stream.abort(new Error('no answer'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const request = encodeHopMessage({ type: HOP_TYPE.reserve })
    await stream.send(Uint8Array.of(request.length, ...request), signal)
    const reply = await readFrame(stream.chunks(), LIMIT_REPLY_BYTES)
    await stream.close(signal)
    return decodeHopMessage(reply)
  } catch (cause) {
    signal.throwIfAborted()
    stream.abort(new Error('not understood'))
    // What came was no answer; or nothing did, which is the connection's fault.
    const isReset = cause instanceof NetworkError
    throw new ReserveError(isReset ? 'failed' : 'bad-reply', { cause })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function codeOf(error: unknown): ReserveFailure {
  if (!(error instanceof NetworkError)) return 'failed'
  if (error.code === 'NOT_CONNECTED') return 'not-connected'
  return error.code === 'STREAM_REFUSED' ? 'unsupported' : 'failed'
}
