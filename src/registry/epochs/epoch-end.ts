import type { OpenEpoch } from './open-epoch.ts'
import type { OpenEpochs } from './open-epochs.ts'
import type { EpochsComponents, EpochsOptions, LogHost } from './options.ts'
import { SETTLE_MS } from './settling.ts'
import { markErasing, unmarkErasing } from './stored-epochs.ts'

export interface EpochEndComponents
  extends Pick<
    EpochsComponents,
    | 'view'
    | 'carried'
    | 'republisher'
    | 'carrier'
    | 'logs'
    | 'logger'
    | 'clock'
    | 'diskBytes'
    | 'onClosed'
  > {
  readonly open: OpenEpochs
  /** null while nothing is replicated. */
  readonly host: () => LogHost | null
}

/** How the logs of an epoch end: out of replication, out of the view, and off the disk once past due. */
export class EpochEnd {
  readonly #options: Pick<EpochsOptions, 'networkName'>
  readonly #components: EpochEndComponents

  constructor(options: Pick<EpochsOptions, 'networkName'>, components: EpochEndComponents) {
    this.#options = options
    this.#components = components
  }

  /** Its logs stay on disk, until its time where a clock was set back. */
  async shut(open: OpenEpoch): Promise<void> {
    await this.#endReplication(open)
    this.#components.open.delete(open.epoch)
    await this.#leaveView(open)
    await open.databases.close()
  }

  /** Ends replication at once, and the rest when nothing of it is needed any more. */
  async retire(open: OpenEpoch, current: number): Promise<void> {
    const { clock, republisher, carrier } = this.#components
    if (open.dueSinceMs === null) {
      open.dueSinceMs = clock.now()
      await this.#endReplication(open)
    }
    if (clock.now() - open.dueSinceMs < SETTLE_MS) return
    if (open.isInView && open.shown !== 'nothing') {
      if (!(await republisher.isDone(current)) || !(await carrier.isDone(current))) return
      await this.#leaveView(open)
    }
    await this.#erase(open)
  }

  async #endReplication({ databases }: OpenEpoch): Promise<void> {
    for (const database of databases.all) await this.#components.host()?.remove(database)
  }

  async #leaveView(open: OpenEpoch): Promise<void> {
    await this.#components.view.closeEpoch(open.epoch)
    this.#components.carried.closeEpoch(open.epoch)
    open.isInView = false
  }

  /** What a full disk or a kill interrupts is gone on with later. */
  async #erase(open: OpenEpoch): Promise<void> {
    const { logs, logger, diskBytes, onClosed } = this.#components
    const { networkName } = this.#options
    const { epoch, entryCount: entries } = open
    const before = await diskBytes()
    await markErasing(logs, networkName, epoch)
    await open.databases.erase()
    await unmarkErasing(logs, networkName, epoch)
    this.#components.open.delete(epoch)
    onClosed()
    const facts = { epoch, entries, diskBytesBefore: before, diskBytesAfter: await diskBytes() }
    logger.info(facts, 'an epoch is over: its logs were deleted')
  }
}
