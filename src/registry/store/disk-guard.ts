import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import type { Clock } from '../../lib/clock.ts'
import { Loop } from '../../lib/loop.ts'
import type { HeapUse } from '../../telemetry/index.ts'
import { type RegistryError, readOnly } from '../errors.ts'
import { type Admission, type Judgement, judgeUsage } from './disk-limits.ts'
import { folderBytes } from './folder-bytes.ts'
import { HeapRoom } from './heap-room.ts'

const INTERVAL_MS = 10_000
const MIB = 1024 * 1024
const OPEN: Judgement = { admission: 'all', reason: null }

/** What `statfs` says of a file system, as far as it is asked. */
export type FileSystemFacts = Readonly<Record<'blocks' | 'bfree' | 'bavail' | 'bsize', number>>

export interface DiskGuardOptions {
  /** The registry's own folder. */
  readonly directory: string
  /** Beyond it others' entries are refused; null for no limit. */
  readonly limitBytes: number | null
}

export interface DiskGuardComponents {
  readonly clock: Clock
  /** @default statfs of node:fs/promises */
  readonly statfs?: (path: string) => Promise<FileSystemFacts>
  /** Absent: memory is no matter. */
  readonly heap?: (() => HeapUse) | undefined
  /** Whenever something else is admitted than before; `notice` says why, null when all is well. */
  onChanged(admission: Admission, notice: string | null): void
}

/** Asked before entries are stored. */
export interface StoreRoom {
  /** False while nothing that peers send is stored. */
  readonly acceptsRemote: boolean
  /** So many bytes of entries were stored: counted until the files are looked at again. */
  noteStored(bytes: number): void
}

/**
 * Looks at the room on the disk, at the size of the registry and at the heap now and then, and says what may
 * be added. It stops strangers before they fill disk or memory, and us before LevelDB fails: what deletes is
 * never stopped.
 */
export class DiskGuard implements StoreRoom {
  readonly #options: DiskGuardOptions
  readonly #components: DiskGuardComponents
  readonly #loop: Loop
  readonly #heap: HeapRoom | null
  #judgement = OPEN
  #failure: RegistryError | null = null
  #notice: string | null = null
  #bytes: number | null = null
  #storeBytes = 0
  #storedSince = 0

  constructor(options: DiskGuardOptions, components: DiskGuardComponents) {
    this.#options = options
    this.#components = components
    this.#heap = components.heap === undefined ? null : new HeapRoom(components.heap)
    this.#loop = new Loop({
      name: 'disk-guard',
      intervalMs: INTERVAL_MS,
      isDelayed: true,
      clock: components.clock,
      run: () => this.#look(),
      // A file system that cannot be asked is no reason to stop: a write that fails says so itself.
      onError: () => {},
    })
  }

  /** All files of the folder but the reserve, in bytes; null before it was first looked up, and when it cannot be. */
  get bytes(): number | null {
    return this.#bytes
  }

  get admission(): Admission {
    return this.#judgement.admission
  }

  get acceptsRemote(): boolean {
    if (this.#judgement.admission !== 'all') return false
    const { limitBytes } = this.#options
    if (limitBytes !== null && this.#storeBytes + this.#storedSince >= limitBytes) return false
    return this.#heap?.isFull(false) !== true
  }

  /** Why not even our own records are stored; null while they are. */
  get failure(): RegistryError | null {
    return this.#failure
  }

  /** What is not admitted and why, in one line; null while everything is. */
  get notice(): string | null {
    return this.#notice
  }

  noteStored(bytes: number): void {
    this.#storedSince += bytes
    this.#heap?.noteStored(bytes)
  }

  /** Resolves when the disk has been looked at once. */
  async start(): Promise<void> {
    await this.#look().catch(() => {})
    this.#loop.start()
  }

  /** Callable twice and before a start; nothing is known afterwards. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#judgement = OPEN
    this.#failure = null
    this.#notice = null
    this.#bytes = null
    this.#storeBytes = 0
    this.#storedSince = 0
  }

  async #look(): Promise<void> {
    const { directory, limitBytes } = this.#options
    const storedBefore = this.#storedSince
    this.#bytes = await folderBytes(directory)
    const blocks = await storeBytes(join(directory, 'blocks'))
    const logs = await storeBytes(join(directory, 'logs'))
    // What cannot be measured now (no file can be opened, a bad sector) is no smaller for that.
    if (blocks !== null && logs !== null) {
      this.#storeBytes = blocks + logs
      this.#storedSince -= storedBefore
    }
    const facts = await (this.#components.statfs ?? statfs)(directory)
    const used = facts.blocks - facts.bfree
    // Some file systems in user space tell no sizes.
    const usedShare = used + facts.bavail > 0 ? used / (used + facts.bavail) : 0
    const isHeapFull = this.#heap?.isFull(this.#judgement.reason === 'memory') ?? false
    const usage = {
      freeBytes: facts.bavail * facts.bsize,
      usedShare,
      storeBytes: this.#storeBytes,
      isHeapFull,
    }
    this.#conclude(judgeUsage(usage, this.#judgement, limitBytes), usage.freeBytes)
  }

  #conclude(now: Judgement, freeBytes: number): void {
    const before = this.#judgement
    this.#judgement = now
    this.#notice = this.#describe(now, freeBytes)
    if (now.admission === before.admission && now.reason === before.reason) return
    this.#failure =
      now.admission === 'none'
        ? readOnly(
            this.#options.directory,
            new Error(`${roundMib(freeBytes)} MB are left on the disk`),
          )
        : null
    this.#components.onChanged(now.admission, this.#notice)
  }

  #describe({ admission, reason }: Judgement, freeBytes: number): string | null {
    if (admission === 'all') return null
    const what =
      admission === 'own' ? 'no entries of other stations are stored' : 'nothing is stored'
    const { limitBytes } = this.#options
    if (reason === 'limit' && limitBytes !== null) {
      return `${what}: the registry takes ${roundMib(this.#storeBytes)} MB, its limit is ${roundMib(limitBytes)} MB`
    }
    if (reason === 'memory') return `${what}: the heap is nearly full (ORBITDB_HEAP_MB)`
    return `${what}: ${roundMib(freeBytes)} MB are left on the disk`
  }
}

/** 0 where there is none; null when it cannot be measured. */
async function storeBytes(directory: string): Promise<number | null> {
  const bytes = await folderBytes(directory)
  if (bytes !== null) return bytes
  const isMissing = await stat(directory).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
  return isMissing ? 0 : null
}

function roundMib(bytes: number): number {
  return Math.round(bytes / MIB)
}
