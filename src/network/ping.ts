import { randomBytes } from 'node:crypto'
import type { Connection, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { equals } from 'uint8arrays/equals'

import { withDeadline } from '../lib/deadline.ts'
import { NetworkError } from './errors.ts'

const PING_BYTES = 32

export interface PingOptions {
  readonly protocol: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Sends a peer bytes that it has to send back (https://github.com/libp2p/specs/blob/master/ping/ping.md).
 * @libp2p/ping 3.1 looks for the answer only when it has closed its side of the stream: a wrong one that comes
 * while the connection takes nothing more is a rejection that nobody handles, and ends the process. Can go when
 * it looks for both at once.
 * @returns what it took, ms
 * @throws NetworkError STREAM_REFUSED for a wrong answer, STREAM_RESET without one; DeadlineError, the signal's
 * reason, what opening the stream throws
 */
export async function ping(
  connection: Pick<Connection, 'newStream'>,
  { protocol, timeoutMs, signal }: PingOptions,
): Promise<number> {
  const exchange = async (deadline: AbortSignal) => {
    const stream = await connection.newStream(protocol, { signal: deadline })
    try {
      return await exchangeOn(stream, deadline)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
  const limit = { ms: timeoutMs, label: 'a ping' }
  return await withDeadline(exchange, signal === undefined ? limit : { ...limit, signal })
}

async function exchangeOn(stream: Stream, signal: AbortSignal): Promise<number> {
  const startMs = performance.now()
  const bytes = randomBytes(PING_BYTES)
  stream.send(bytes)
  if (!equals(bytes, await answerOn(stream, signal))) {
    throw new NetworkError('STREAM_REFUSED', 'a ping got a wrong answer')
  }
  const tookMs = performance.now() - startMs
  await stream.close({ signal })
  return tookMs
}

/** As many bytes as were sent, or more. */
async function answerOn(stream: Stream, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const received = new Uint8ArrayList()
  const onMessage = ({ data }: { readonly data: Uint8Array | Uint8ArrayList }) => {
    received.append(data)
    if (received.byteLength >= PING_BYTES) resolve(received.subarray())
  }
  const onEnd = () => reject(new NetworkError('STREAM_RESET', 'a ping got no answer'))
  const onAbort = () => reject(signal.reason)
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onEnd)
  signal.addEventListener('abort', onAbort)
  try {
    return await promise
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onEnd)
    signal.removeEventListener('abort', onAbort)
  }
}
