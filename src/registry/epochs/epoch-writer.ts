import type { Identity } from '../../identity/index.ts'
import type { OwnLog } from '../own-log.ts'
import { carriedId } from '../records/carried.ts'
import { hashOf } from '../store/entry-codec.ts'
import type { CarriedRecord, DatabaseName } from '../types.ts'
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
  /** Carries another author's entry into the current epoch. */
  carry(carried: CarriedRecord): Promise<void>
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
    carry: (carried) =>
      turns.take('trust', async () => {
        const key = `${peerId}/${carriedId(hashOf(carried.entry))}`
        await log.append('trust', { op: 'PUT', key, value: carried }, null)
      }),
  }
}
