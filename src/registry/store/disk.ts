import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import { type RegistryError, readOnly, storesNotOpened } from '../errors.ts'
import { type ByteStore, GuardedLevel } from './guarded-level.ts'
import { isNoRoom } from './levels.ts'
import { probe } from './probe.ts'
import { giveUpReserve, holdReserve } from './reserve.ts'
import { openSoundLevel, type SoundLevelComponents, type StoreName } from './sound-level.ts'

/** What was written in the last second is what a power cut may cost. */
const SYNC_INTERVAL_MS = 1000

export interface StoreDiskOptions {
  readonly directory: string
  /** How often a disk that failed is tried again. */
  readonly retryMs: number
}

export interface StoreDiskComponents
  extends Pick<SoundLevelComponents, 'onRepaired' | 'onSetAside'> {
  readonly clock: Clock
  /** Once when writes begin to fail, not for each. */
  onFailed(error: RegistryError): void
  /** Once when they work again. */
  onMended(): void
}

/**
 * The two stores of the registry and the state of the disk below them. One write that fails ends all
 * writes to both: reads go on, and from time to time the disk is tried; when it takes writes again
 * both stores are reopened and writing goes on.
 */
export class StoreDisk {
  readonly #options: StoreDiskOptions
  readonly #components: StoreDiskComponents
  readonly #levels: { readonly blocks: GuardedLevel; readonly logs: GuardedLevel }
  readonly #mending: Loop
  readonly #syncing: Loop
  #failure: RegistryError | null = null

  constructor(options: StoreDiskOptions, components: StoreDiskComponents) {
    this.#options = options
    this.#components = components
    this.#levels = { blocks: this.#guard('blocks'), logs: this.#guard('logs') }
    const { clock } = components
    this.#mending = new Loop({
      name: 'store-disk',
      intervalMs: options.retryMs,
      isDelayed: true,
      clock,
      run: () => this.#mend(),
      // The disk is as it was: that it failed has been said.
      onError: () => {},
    })
    this.#syncing = new Loop({
      name: 'store-sync',
      intervalMs: SYNC_INTERVAL_MS,
      isDelayed: true,
      clock,
      run: () => this.#sync(),
      // A write that fails says so by itself.
      onError: () => {},
    })
  }

  get blocks(): ByteStore {
    return this.#levels.blocks
  }

  get logs(): ByteStore {
    return this.#levels.logs
  }

  /** Why nothing can be written now; null while all is well. */
  get failure(): RegistryError | null {
    return this.#failure
  }

  /**
   * On a disk that is full already the stores are opened with the room of the reserve, to be read.
   * @throws RegistryError `STORES_NOT_OPENED`; what was opened is closed by `close()`.
   */
  async open(): Promise<void> {
    try {
      await this.#reopen().catch((error: unknown) => this.#openWithReserve(error))
    } catch (error) {
      throw storesNotOpened(this.#options.directory, error)
    }
    this.#mending.start()
    this.#syncing.start()
  }

  /** Ends after writes under way. Callable twice and after a failed `open()`. */
  async close(): Promise<void> {
    await this.#mending.stop()
    await this.#syncing.stop()
    // A disk that takes no writes is closed all the same.
    await this.#sync().catch(() => {})
    await Promise.all([this.#levels.blocks.close(), this.#levels.logs.close()])
    this.#failure = null
  }

  async #openWithReserve(error: unknown): Promise<void> {
    if (!isNoRoom(error) || !(await giveUpReserve(this.#options.directory))) throw error
    await this.#reopen()
    this.#fail(error)
  }

  /** The blocks first: what the index lists is there. */
  async #sync(): Promise<void> {
    if (this.#failure !== null) return
    await this.#levels.blocks.sync()
    await this.#levels.logs.sync()
  }

  /** The logs first: they name the blocks to look for in a damaged store. */
  async #reopen(): Promise<void> {
    await this.#levels.logs.reopen()
    await this.#levels.blocks.reopen()
  }

  #guard(name: StoreName): GuardedLevel {
    const { directory } = this.#options
    const { onRepaired, onSetAside } = this.#components
    return new GuardedLevel({
      open: () => openSoundLevel({ directory, name }, { logs: this.logs, onRepaired, onSetAside }),
      failure: () => this.#failure,
      onFailed: (error) => this.#fail(error),
    })
  }

  #fail(cause: unknown): RegistryError {
    if (this.#failure !== null) return this.#failure
    const failure = readOnly(this.#options.directory, cause)
    this.#failure = failure
    this.#components.onFailed(failure)
    return failure
  }

  /** Keeps the reserve while all is well. @throws when the disk does not take writes yet. */
  async #mend(): Promise<void> {
    const { directory } = this.#options
    if (this.#failure === null) return await holdReserve(directory)
    await probe(directory)
    await this.#reopen()
    this.#failure = null
    this.#components.onMended()
  }
}
