import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { RegistryDatabase } from '../store/database.ts'
import type { ByteStore } from '../store/guarded-level.ts'
import type { RecordView } from '../view.ts'
import type { AheadEntries } from './ahead-entries.ts'
import type { CarriedEntries } from './carried-entries.ts'
import type { OpenEpoch, Shown } from './open-epoch.ts'

/** What an epoch's turn moves; its work is left to do until it says that it is done. */
export interface TurnWork {
  isDone(epoch: number): boolean | Promise<boolean>
  run(epoch: number, signal: AbortSignal): Promise<void>
}

export interface EpochsOptions {
  readonly networkName: string
  readonly ttlMs: number
}

export interface EpochsComponents {
  readonly view: RecordView
  readonly carried: CarriedEntries
  readonly republisher: TurnWork
  readonly carrier: TurnWork
  readonly ahead: Pick<AheadEntries, 'takeOut' | 'restate'>
  readonly logs: ByteStore
  readonly logger: Logger
  readonly clock: Clock
  /** Opens the logs of an epoch; resolves when the view has what they hold. */
  open(epoch: number, shown: Shown): Promise<OpenEpoch>
  /** Of the registry's folder; null when it cannot be looked up. */
  diskBytes(): Promise<number | null>
  onClosed(): void
  onError(error: unknown): void
}

/** Where open logs are replicated. */
export interface LogHost {
  add(database: RegistryDatabase): Promise<void>
  remove(database: RegistryDatabase): Promise<void>
}
