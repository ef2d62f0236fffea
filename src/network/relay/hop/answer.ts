import type { Stream } from '@libp2p/interface'

import { withDeadline } from '../../../lib/deadline.ts'
import { CLOSE_DEADLINE_MS } from './constants.ts'
import { sendMessage } from './message-stream.ts'
import { encodeHopMessage, type HopMessage } from './wire.ts'

/**
 * Says the last word on a stream and closes it in order; a remote that does not close its side in time has
 * it reset. Never throws: a client that does not wait for its answer has none.
 */
export async function answerAndClose(
  stream: Stream,
  message: Partial<HopMessage>,
  signal: AbortSignal,
): Promise<void> {
  try {
    sendMessage(stream, encodeHopMessage(message))
    const options = { ms: CLOSE_DEADLINE_MS, label: 'closing a hop stream', signal }
    await withDeadline(async (inner) => {
      await stream.close({ signal: inner })
      await closed(stream, inner)
    }, options)
  } catch {
    stream.abort(new Error('the hop stream was not closed in time'))
  }
}

/** Resolves when both sides are closed. @throws the signal's reason */
async function closed(stream: Stream, signal: AbortSignal): Promise<void> {
  if (stream.status !== 'open') return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onClose = () => resolve()
  const onAbort = () => reject(signal.reason)
  stream.addEventListener('close', onClose)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    await promise
  } finally {
    stream.removeEventListener('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
}
