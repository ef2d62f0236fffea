import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../telemetry/index.ts'
import { MAX_CLOCK_AHEAD_MS } from '../constants.ts'
import { RegistryError } from '../errors.ts'
import { isCarriedId } from '../records/carried.ts'
import { DATABASE_NAMES, schemaOf } from '../records/index.ts'
import { logAddress } from '../snapshot/log-name.ts'
import type { BlockStore } from '../store/block-store.ts'
import { databaseName, indexPrefix } from '../store/databases.ts'
import { decodeValue, encodeValue } from '../store/entry-codec.ts'
import type { VerifiedEntry } from '../store/entry-rules.ts'
import type { ByteStore } from '../store/guarded-level.ts'
import { LogScan } from '../store/log-scan.ts'
import { PrefixStorage } from '../store/orbit-storages.ts'
import type { DatabaseName } from '../types.ts'
import type { EpochWriter, Restatement } from './epoch-writer.ts'

/** Entries deleted, or statements noted, in one batch. */
const BATCH = 256

export interface AheadEntriesOptions {
  readonly networkName: string
  readonly ownPeerId: string
}

export interface AheadEntriesComponents {
  readonly logs: ByteStore
  readonly blocks: BlockStore
  readonly writer: Pick<EpochWriter, 'restate'>
  readonly clock: Clock
  readonly logger: Logger
}

interface Noted extends Restatement {
  /** The clock of the entry that said it. */
  readonly clockMs: number
}

/**
 * Entries that we wrote while this machine's clock was ahead. No peer takes them before their time, nothing
 * can be written after them, and in their time they would go before all that was written meanwhile. So they
 * are taken out of their log, and what they said is written again by the clock as it is now. Between the
 * two it is kept on disk: neither a kill nor a disk that takes no writes loses a word.
 */
export class AheadEntries {
  readonly #options: AheadEntriesOptions
  readonly #components: AheadEntriesComponents
  /** False once nothing is left to be written again. */
  #isNoted = true

  constructor(options: AheadEntriesOptions, components: AheadEntriesComponents) {
    this.#options = options
    this.#components = components
  }

  /** Takes them out of the logs of an epoch, which are closed. @returns how many there were. */
  async takeOut(epoch: number, foundMs: number): Promise<number> {
    let count = 0
    for (const name of DATABASE_NAMES) count += await this.#takeOutOf(name, epoch, foundMs)
    return count
  }

  /** Writes again what was taken out. @throws RegistryError when nothing can be written now. */
  async restate(signal: AbortSignal): Promise<void> {
    if (!this.#isNoted) return
    const { logs, logger, writer } = this.#components
    const prefix = this.#prefix
    let count = 0
    for await (const [key, bytes] of logs.iterator({ gte: prefix, lt: `${prefix}\uffff` })) {
      if (signal.aborted) return
      const slash = key.indexOf('/', prefix.length)
      const name = DATABASE_NAMES.find((known) => known === key.slice(prefix.length, slash))
      const localId = key.slice(slash + 1)
      try {
        const noted = decodeValue(bytes) as Noted
        if (name !== undefined && (await writer.restate(name, localId, noted))) count += 1
      } catch (error) {
        if (!isFinal(error)) throw error
        logger.warn({ database: name, localId, error }, 'a record of ours cannot be written again')
      }
      await logs.del(key)
    }
    this.#isNoted = false
    if (count > 0) logger.info({ records: count }, 'what was written by another clock is put right')
  }

  get #prefix(): string {
    return `ahead/${this.#options.networkName}/`
  }

  async #takeOutOf(name: DatabaseName, epoch: number, foundMs: number): Promise<number> {
    const { logs, blocks } = this.#components
    const fullName = databaseName(this.#options.networkName, name, epoch)
    const index = new PrefixStorage(logs, indexPrefix(fullName))
    const address = logAddress(fullName)
    const scan = new LogScan({ blocks, index, address, schema: schemaOf(name) })
    const out = await this.#aheadIn(scan)
    if (out.size === 0) return 0
    const latest = new Map<string, VerifiedEntry>()
    for (const entry of out.values()) {
      const localId = entry.payload.key.slice(entry.payload.key.indexOf('/') + 1)
      const other = latest.get(localId)
      if (other === undefined || entry.clock.time > other.clock.time) latest.set(localId, entry)
    }
    await this.#note(name, latest, foundMs)
    const hashes = [...out.keys()]
    for (let at = 0; at < hashes.length; at += BATCH) {
      const batch = hashes.slice(at, at + BATCH)
      await blocks.delMany(batch)
      await index.delMany(batch)
    }
    return out.size
  }

  /** Those of ours that are ahead, and those of ours that follow them. */
  async #aheadIn(scan: LogScan): Promise<Map<string, VerifiedEntry>> {
    const latestMs = this.#components.clock.now() + MAX_CLOCK_AHEAD_MS
    const out = new Map<string, VerifiedEntry>()
    for await (const entries of scan.entries()) {
      for (const { entry } of entries) {
        if (entry.key !== this.#options.ownPeerId) continue
        const isFollowing = entry.next.some((hash) => out.has(hash))
        if (entry.clock.time > latestMs || isFollowing) out.set(entry.hash, entry)
      }
    }
    return out
  }

  async #note(
    name: DatabaseName,
    latest: ReadonlyMap<string, VerifiedEntry>,
    foundMs: number,
  ): Promise<void> {
    const { logs } = this.#components
    this.#isNoted = true
    for (const [localId, { payload, clock }] of latest) {
      // What we carried of others is carried again where it is still to be.
      if (name === 'trust' && isCarriedId(localId)) continue
      const key = `${this.#prefix}${name}/${localId}`
      const before = await logs.get(key)
      if (before !== undefined && (decodeValue(before) as Noted).clockMs >= clock.time) continue
      await logs.put(key, encodeValue({ value: payload.value, foundMs, clockMs: clock.time }))
    }
  }
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    (error.code === 'INVALID_RECORD' || error.code === 'TOO_LARGE')
  )
}
