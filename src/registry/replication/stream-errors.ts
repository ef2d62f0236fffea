import { escapeRemote } from '../../lib/text.ts'
import type { PeerStream } from '../../network/types.ts'

/**
 * Runs `work` on a stream and resets the stream when it fails or the signal aborts: reads take no
 * signal, so a reset is what ends one that waits for a silent peer.
 */
export async function withStream<T>(
  stream: PeerStream,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const onAbort = () => stream.abort(toError(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    return await work()
  } catch (error) {
    stream.abort(toError(error))
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** An error's message, fit for a log field. */
export function describe(error: unknown): string {
  return escapeRemote(error instanceof Error ? error.message : String(error))
}
