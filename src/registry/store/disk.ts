import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import { type RegistryError, readOnly, storesNotOpened } from '../errors.ts'
import { type ByteStore, GuardedLevel } from './guarded-level.ts'
import { openSoundLevel, type SoundLevelComponents, type StoreName } from './sound-level.ts'

/** Reopening two stores writes out their logs, at most a write buffer of 2 MiB each. */
const ROOM_BYTES = 8 * 1024 * 1024
const PROBE_BYTES = 64 * 1024

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
  readonly #loop: Loop
  #failure: RegistryError | null = null

  constructor(options: StoreDiskOptions, components: StoreDiskComponents) {
    this.#options = options
    this.#components = components
    this.#levels = { blocks: this.#guard('blocks'), logs: this.#guard('logs') }
    this.#loop = new Loop({
      name: 'store-disk',
      intervalMs: options.retryMs,
      isDelayed: true,
      clock: components.clock,
      run: () => this.#mend(),
      // The disk is as it was: that it failed has been said.
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

  /** @throws RegistryError `STORES_NOT_OPENED`; what was opened is closed by `close()`. */
  async open(): Promise<void> {
    try {
      await this.#reopen()
    } catch (error) {
      throw storesNotOpened(this.#options.directory, error)
    }
    this.#loop.start()
  }

  /** Ends after writes under way. Callable twice and after a failed `open()`. */
  async close(): Promise<void> {
    await this.#loop.stop()
    await Promise.all([this.#levels.blocks.close(), this.#levels.logs.close()])
    this.#failure = null
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

  /** @throws when the disk does not take writes yet. */
  async #mend(): Promise<void> {
    if (this.#failure === null) return
    await probe(this.#options.directory)
    await this.#reopen()
    this.#failure = null
    this.#components.onMended()
  }
}

/** Finds out whether a disk takes writes, before the stores, which can still be read, are closed. */
async function probe(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < ROOM_BYTES) throw new Error('there is no room yet')
  const path = join(directory, 'probe.tmp')
  try {
    const file = await open(path, 'w', 0o600)
    try {
      await file.writeFile(Buffer.alloc(PROBE_BYTES))
      await file.datasync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}
