/** Something took longer than it may; `label` says what, in words for a log line. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly code = 'DEADLINE'
  readonly label: string
  readonly ms: number

  constructor(label: string, ms: number) {
    super(`${label} took longer than ${ms} ms`)
    this.label = label
    this.ms = ms
  }
}

export interface DeadlineOptions {
  readonly ms: number
  readonly label: string
  /** Ends the work early with the signal's own reason. */
  readonly signal?: AbortSignal
}

/**
 * Runs `work` with a signal that aborts at the deadline, and settles by then even when `work` ignores
 * its signal. @throws DeadlineError, the outer signal's reason, or what `work` throws.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: DeadlineOptions,
): Promise<T> {
  const { ms, label, signal: outer } = options
  outer?.throwIfAborted()
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DeadlineError(label, ms)), ms)
  const onOuterAbort = () => controller.abort(outer?.reason)
  outer?.addEventListener('abort', onOuterAbort, { once: true })
  try {
    const aborted = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), {
        once: true,
      })
    })
    return await Promise.race([work(controller.signal), aborted])
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', onOuterAbort)
  }
}
