import { DeadlineError } from '../../lib/deadline.ts'
import type { PeerStream } from '../../network/types.ts'

export interface PatienceOptions {
  /** Longest wait for the next sign of the peer. */
  readonly ms: number
  readonly label: string
  readonly signal: AbortSignal
}

/**
 * Runs `work` while the peer keeps giving signs: bytes, or the end of its side. A slow peer takes the
 * time that the caller's own deadline leaves; a silent one is given up after `ms`.
 * @throws DeadlineError, what `work` throws.
 */
export async function whileAlive<T>(
  work: (signal: AbortSignal, onSign: () => void) => Promise<T>,
  { ms, label, signal }: PatienceOptions,
): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DeadlineError(label, ms)), ms)
  const inner = AbortSignal.any([signal, controller.signal])
  try {
    const silent = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason))
    })
    return await Promise.race([work(inner, () => timer.refresh()), silent])
  } finally {
    clearTimeout(timer)
  }
}

/** The same stream, telling of each sign of the peer. */
export function observed(stream: PeerStream, onSign: () => void): PeerStream {
  return {
    peerId: stream.peerId,
    chunks: () => observedChunks(stream, onSign),
    send: (bytes, signal) => stream.send(bytes, signal),
    close: (signal) => stream.close(signal),
    abort: (reason) => stream.abort(reason),
  }
}

async function* observedChunks(stream: PeerStream, onSign: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream.chunks()) {
    onSign()
    yield chunk
  }
  onSign()
}
