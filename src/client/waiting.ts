/** Resolves after `ms`, when the signal aborts, or when `wake` does: the caller looks why. */
export async function pause(ms: number, signal: AbortSignal, wake?: AbortSignal): Promise<void> {
  const both = wake === undefined ? signal : AbortSignal.any([signal, wake])
  if (both.aborted) return
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      both.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    both.addEventListener('abort', done)
  })
}
