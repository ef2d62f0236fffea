import type { EntryCounts } from './entry-counts.ts'
import type { Epochs } from './epochs/epochs.ts'
import { DATABASE_NAMES } from './records/index.ts'
import type { DatabaseStatus } from './types.ts'
import type { RecordView } from './view.ts'

/** @param epochs null while nothing is open */
export function databaseStatus(
  view: RecordView,
  counts: EntryCounts,
  epochs: Epochs | null,
): DatabaseStatus[] {
  const records = view.counts()
  return DATABASE_NAMES.map((name) => {
    const database = epochs?.databases?.get(name) ?? null
    return {
      name,
      epoch: epochs?.current ?? 0,
      address: database?.address ?? '',
      records: records[name],
      heads: database?.log.headCount ?? 0,
      logs: epochs?.logs(name) ?? [],
      entriesJoined: counts.joined(name),
      rejections: counts.rejections(name),
      isOpen: database?.isOpen ?? false,
    }
  })
}
