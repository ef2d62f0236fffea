import { withDeadline } from '../lib/deadline.ts'
import type { RegistryService, RegistryWriter } from '../registry/types.ts'

export interface WriteBounds {
  /** A caller waits 10 s at most and then tries again. */
  readonly timeoutMs: number
  /** Ends the wait for all writes under way, with its reason. */
  readonly signal: AbortSignal
}

/** A writer with an end to every write. @throws DeadlineError beside the writer's own errors. */
export function boundedWriter(writer: RegistryWriter, bounds: WriteBounds): RegistryWriter {
  const bounded = <T>(label: string, work: () => Promise<T>) =>
    withDeadline(work, { ms: bounds.timeoutMs, label, signal: bounds.signal })
  return {
    put: (database, localId, value) =>
      bounded(`writing to ${database}`, () => writer.put(database, localId, value)),
    delete: (database, localId) =>
      bounded(`deleting from ${database}`, () => writer.delete(database, localId)),
    revokeTrust: (ingesterId) => bounded('revoking keys', () => writer.revokeTrust(ingesterId)),
  }
}

/** The same for reads from disk. */
export function boundedEntries(
  registry: Pick<RegistryService, 'entryBytes'>,
  { timeoutMs: ms, signal }: WriteBounds,
): RegistryService['entryBytes'] {
  return (hash) =>
    withDeadline(() => registry.entryBytes(hash), { ms, label: 'reading an entry', signal })
}
