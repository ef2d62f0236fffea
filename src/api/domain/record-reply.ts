import type { RecordValue, RegistryRecord } from '../../registry/types.ts'

export type RecordReply<T extends RecordValue> = T & {
  readonly _id: string
  readonly owner: string
}

/** A record as the API shows it: its fields, its ID and the peer ID of who wrote it. */
export function toReply<T extends RecordValue>(record: RegistryRecord<T>): RecordReply<T> {
  return { ...record.value, _id: record.localId, owner: record.author }
}

/**
 * A body without what `toReply` added: a client that writes back what it read is not told that its
 * `owner` was ignored. What the registry itself adds, it takes back by itself.
 */
export function fromReply<T extends object>(body: T): Omit<T, 'owner'> {
  const { owner: _, ...rest }: T & { owner?: unknown } = body
  return rest
}

/** The `ignored` of an answer: left out when nothing was. */
export function ignoredReply(ignored: readonly string[]): { ignored?: string[] } {
  return ignored.length === 0 ? {} : { ignored: [...ignored] }
}
