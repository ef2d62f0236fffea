import type { Logger } from '../telemetry/index.ts'
import { RegistryError } from './errors.ts'
import type { RegistryMetrics } from './metrics.ts'
import { describe } from './replication/stream-errors.ts'
import type { StoreDiskComponents } from './store/disk.ts'
import type { DiskGuardComponents } from './store/disk-guard.ts'
import type { DatabaseName } from './types.ts'

/** What the registry tells its operator, once each. */
export class RegistryReports {
  readonly #logger: Logger
  readonly #metrics: RegistryMetrics
  #isDamageSaid = false

  constructor(logger: Logger, metrics: RegistryMetrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** What the disk below the stores reports. */
  get disk(): Omit<StoreDiskComponents, 'clock'> {
    const logger = this.#logger
    return {
      onFailed: ({ facts }) => logger.error({ ...facts }, 'the registry cannot write to its disk'),
      onMended: () => logger.info({}, 'the registry can write to its disk again'),
      onRepaired: (store) => logger.warn({ store }, 'a damaged store was repaired; check the disk'),
      onSetAside: (store, path, blocksSaved) =>
        logger.error(
          { store, path, blocksSaved },
          'a store was damaged beyond repair: it is kept beside a new one; check the disk',
        ),
    }
  }

  /** What is said of the room on the disk. */
  get room(): Pick<DiskGuardComponents, 'onChanged'> {
    const logger = this.#logger
    return {
      onChanged: (admission, notice) => {
        if (notice === null) logger.info({}, 'entries of other stations are stored again')
        else if (admission === 'none') logger.error({ notice }, 'the registry stores nothing')
        else logger.warn({ notice }, 'the registry stores no entries of other stations')
      },
    }
  }

  /** The first says that the disk is bad; a bad disk has thousands. */
  damaged(hash: string): void {
    const level = this.#isDamageSaid ? 'debug' : 'warn'
    this.#isDamageSaid = true
    this.#logger[level]({ hash }, 'a stored block is damaged')
  }

  lost(name: DatabaseName, hashes: readonly string[]): void {
    this.#metrics.blockLost(name, hashes.length)
    this.#logger.warn(
      { database: name, entries: hashes.length },
      'log entries are missing or damaged on disk; peers are asked for them',
    )
  }

  warn(error: unknown, message: string): void {
    // That the disk takes no writes has been said once, for all that cannot be written.
    const isSaid = error instanceof RegistryError && error.code === 'READ_ONLY'
    this.#logger[isSaid ? 'debug' : 'warn']({ error: describe(error) }, message)
  }
}
