import { isDeepStrictEqual } from 'node:util'

import type { Identity } from '../../identity/index.ts'
import type { OwnLog } from '../own-log.ts'
import { carriedId } from '../records/carried.ts'
import { mergeKeyVersions } from '../records/merge.ts'
import { hashOf } from '../store/entry-codec.ts'
import type {
  CarriedRecord,
  DatabaseName,
  RecordValue,
  RegistryRecord,
  TrustRecord,
} from '../types.ts'
import type { RecordView } from '../view.ts'
import type { WriteTurns } from '../write-turns.ts'
import { signEntry } from './own-entry.ts'

/** What the turn of an epoch writes, in turn with all else. Each @throws RegistryError as a put does. */
export interface EpochWriter {
  /** Writes our record to the current epoch, as it is. @returns false when that holds it already. */
  republish(name: DatabaseName, localId: string): Promise<boolean>
  /**
   * Writes our record to the current epoch with the clock of its first put, beside what is there: so
   * that an earlier claim stays the earlier one when the epoch that shows it is closed.
   */
  anchor(name: DatabaseName, localId: string, firstMs: number): Promise<void>
  /**
   * Writes again what we wrote by a clock that was ahead, unless we have written there since.
   * @returns false when there was nothing to write.
   */
  restate(name: DatabaseName, localId: string, statement: Restatement): Promise<boolean>
  /** Carries another author's entry into the current epoch. */
  carry(carried: CarriedRecord): Promise<void>
}

/** What an entry of ours said that was taken out of a log. */
export interface Restatement {
  /** null: it deleted the record. */
  readonly value: RecordValue | null
  /** When the clock was found to be another, by that clock: what we wrote later goes before. */
  readonly foundMs: number
}

export interface EpochWriterComponents {
  readonly identity: Pick<Identity, 'peerId' | 'sign'>
  readonly view: RecordView
  readonly turns: WriteTurns
  readonly log: OwnLog
}

export function createEpochWriter(components: EpochWriterComponents): EpochWriter {
  const { identity, view, turns, log } = components
  const { peerId } = identity
  return {
    republish: (name, localId) =>
      turns.take(name, async () => {
        const own = view.claimOf(name, localId, peerId)
        if (own === null || log.holds(name, localId)) return false
        await log.append(name, { op: 'PUT', key: own.key, value: own.value }, own)
        return true
      }),
    anchor: (name, localId, firstMs) =>
      turns.take(name, async () => {
        const own = view.claimOf(name, localId, peerId)
        if (own === null) return
        const database = log.database(name)
        const payload = { op: 'PUT', key: own.key, value: own.value } as const
        await log.join(database, signEntry(identity, database, payload, firstMs))
      }),
    restate: (name, localId, { value: stated, foundMs }) =>
      turns.take(name, async () => {
        const own = view.claimOf(name, localId, peerId)
        const value = own === null ? stated : reconcile(own, stated, foundMs)
        if (value === null && own === null) return false
        if (own !== null && isDeepStrictEqual(value, own.value)) return false
        const op = value === null ? 'DEL' : 'PUT'
        await log.append(name, { op, key: `${peerId}/${localId}`, value }, own)
        return true
      }),
    carry: (carried) =>
      turns.take('trust', async () => {
        const key = `${peerId}/${carriedId(hashOf(carried.entry))}`
        await log.append('trust', { op: 'PUT', key, value: carried }, null)
      }),
  }
}

/** What was revoked stays so, whichever was written first; of all else the later word counts. */
function reconcile(
  own: RegistryRecord,
  stated: RecordValue | null,
  foundMs: number,
): RecordValue | null {
  const isLater = own.clockMs >= foundMs
  if (stated === null || !isKeys(stated) || !isKeys(own.value)) return isLater ? own.value : stated
  const [first, last] = isLater ? [stated, own.value] : [own.value, stated]
  try {
    return { ...last, versions: mergeKeyVersions(first.versions, last.versions) }
  } catch {
    // They give one version different keys.
    return last
  }
}

function isKeys(value: RecordValue): value is TrustRecord {
  return 'versions' in value
}
