import type { Connection, PeerId, Stream } from '@libp2p/interface'

import { DeadlineError, withDeadline } from '../../../lib/deadline.ts'
import { STOP_DEADLINE_MS } from './constants.ts'
import { readMessage, sendMessage } from './message-stream.ts'
import {
  decodeStopMessage,
  encodeStopMessage,
  STATUS,
  STOP_PROTOCOL,
  STOP_TYPE,
  type WireLimit,
} from './wire.ts'

export interface StopRequest {
  readonly source: PeerId
  readonly limit: WireLimit
  /** Stop streams that the connection may have, this one included. */
  readonly maxOutboundStreams: number
}

/** The destination's end of a circuit: paused, and what of it was read already. */
export interface StopStream {
  readonly stream: Stream
  readonly rest: Uint8Array
}

export type StopFailure = 'destination_refused' | 'destination_timeout' | 'destination_failed'

/** Asks a destination over the connection it has to take a circuit. @throws the signal's reason */
export async function requestStop(
  connection: Connection,
  request: StopRequest,
  signal: AbortSignal,
): Promise<StopStream | StopFailure> {
  try {
    return await withDeadline((inner) => exchange(connection, request, inner), {
      ms: STOP_DEADLINE_MS,
      label: 'asking the destination of a circuit',
      signal,
    })
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof DeadlineError ? 'destination_timeout' : 'destination_failed'
  }
}

async function exchange(
  connection: Connection,
  { source, limit, maxOutboundStreams }: StopRequest,
  signal: AbortSignal,
): Promise<StopStream | StopFailure> {
  const options = { signal, maxOutboundStreams, runOnLimitedConnection: false }
  const stream = await connection.newStream(STOP_PROTOCOL, options)
  try {
    const peer = { id: source.toMultihash().bytes, addresses: [] }
    sendMessage(stream, encodeStopMessage({ type: STOP_TYPE.connect, peer, limit }))
    const { message, rest } = await readMessage(stream, signal)
    const { type, status } = decodeStopMessage(message)
    if (type === STOP_TYPE.status && status === STATUS.ok) return { stream, rest }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
  stream.abort(new Error('the destination takes no circuit'))
  return 'destination_refused'
}
