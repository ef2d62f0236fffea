/** The same in a circle, from another one on each turn: what comes first in all attempts may be what is gone. */
export function rotated<T>(all: readonly T[], turn: number): readonly T[] {
  const from = all.length === 0 ? 0 : turn % all.length
  return [...all.slice(from), ...all.slice(0, from)]
}

/**
 * What came of the first that works, one after the other.
 * @throws the signal's reason; what the only one failed with; AggregateError of all failures
 */
export async function firstThatWorks<T, R>(
  all: readonly T[],
  attempt: (one: T, index: number) => Promise<R>,
  signal: AbortSignal,
): Promise<R> {
  const errors: unknown[] = []
  for (const [index, one] of all.entries()) {
    try {
      return await attempt(one, index)
    } catch (error) {
      signal.throwIfAborted()
      errors.push(error)
    }
  }
  throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'none worked')
}
