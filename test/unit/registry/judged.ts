import type { JudgedEntry } from '../../../src/registry/store/entry-rules.ts'
import type { RecordValue, RegistryRecord } from '../../../src/registry/types.ts'

/** An entry of an author that was found good; a value of null deletes. */
export function judged(
  author: string,
  localId: string,
  time: number,
  value: object | null,
): JudgedEntry {
  const key = `${author}/${localId}`
  const record = value as RecordValue | null
  return {
    localId,
    bytes: new Uint8Array(),
    entry: {
      id: '/orbitdb/x',
      payload: { op: record === null ? 'DEL' : 'PUT', key, value: record },
      next: [],
      refs: [],
      clock: { id: author, time },
      v: 2,
      key: author,
      identity: author,
      sig: '',
      hash: `${key}@${time}`,
    },
  }
}

export function idsOf(records: Iterable<RegistryRecord>): string[] {
  return [...records].map(({ key }) => key).sort()
}
