import { MAX_CLOCK_AHEAD_MS } from '../constants.ts'
import { carriedId, isCarriedId } from '../records/carried.ts'
import { schemaOf } from '../records/index.ts'
import { logAddress } from '../snapshot/log-name.ts'
import { databaseName } from '../store/databases.ts'
import { decodeValue } from '../store/entry-codec.ts'
import { type JudgedEntry, judgeEntry, type VerifySignature } from '../store/entry-rules.ts'
import type { CarriedRecord, RecordValue, TrustRecord, VouchRecord } from '../types.ts'

/** Where a carried entry can be read again. */
export interface CarriedPlace {
  readonly author: string
  /** What the entry is about. */
  readonly localId: string
  /** The epoch of the log that carries it. */
  readonly heldIn: number
  readonly carrierHash: string
}

/**
 * Revocations of one network at a time, its own and a flood's; those beyond are shown but not carried on,
 * save those of who may speak for anyone's ingesters.
 */
const PLACES_LIMIT = 20_000

export interface CarriedEntriesOptions {
  readonly networkName: string
}

export interface CarriedEntriesComponents {
  readonly verify: VerifySignature
  /** Whether an author may speak for anyone's ingesters; asked when there is no room for all. */
  isSpeaker(author: string): boolean
}

/** Opens carried entries and remembers where each is; it keeps no bytes. */
export class CarriedEntries {
  readonly #options: CarriedEntriesOptions
  readonly #components: CarriedEntriesComponents
  readonly #places = new Map<string, CarriedPlace>()

  constructor(options: CarriedEntriesOptions, components: CarriedEntriesComponents) {
    this.#options = options
    this.#components = components
  }

  /**
   * The statement in a carrier's record, judged like any entry of the log that it was written to.
   * @returns null for what is no revocation that its author signed: it counts as nothing.
   */
  open({ entry, localId }: JudgedEntry, epoch: number): JudgedEntry | null {
    const carried = entry.payload.value
    if (carried === null || !isCarried(carried) || carried.epoch >= epoch) return null
    const judged = this.#judge(carried, entry.clock.time)
    if (
      judged === null ||
      localId !== carriedId(judged.entry.hash) ||
      !isRevoking(judged.entry.payload.value)
    )
      return null
    const { hash, key: author } = judged.entry
    const known = this.#places.get(hash)
    const isWanted = known === undefined ? this.#hasRoomFor(author) : known.heldIn < epoch
    const place = { author, localId: judged.localId, heldIn: epoch, carrierHash: entry.hash }
    if (isWanted) this.#places.set(hash, place)
    return judged
  }

  placeOf(hash: string): CarriedPlace | null {
    return this.#places.get(hash) ?? null
  }

  /**
   * How many statements of each author the log of this epoch carries. Entries that say the same again count
   * once: who carries all that an author ever signed about one ingester leaves room for the others.
   */
  authorsIn(epoch: number): Map<string, number> {
    const carried = new Map<string, Set<string>>()
    for (const { author, localId, heldIn } of this.#places.values()) {
      if (heldIn !== epoch) continue
      carried.set(author, (carried.get(author) ?? new Set()).add(localId))
    }
    return new Map([...carried].map(([author, ids]) => [author, ids.size]))
  }

  closeEpoch(epoch: number): void {
    for (const [hash, { heldIn }] of this.#places) if (heldIn === epoch) this.#places.delete(hash)
  }

  clear(): void {
    this.#places.clear()
  }

  #hasRoomFor(author: string): boolean {
    const { size } = this.#places
    return size < PLACES_LIMIT || (size < 2 * PLACES_LIMIT && this.#components.isSpeaker(author))
  }

  #judge({ epoch, entry }: CarriedRecord, carriedAtMs: number): JudgedEntry | null {
    const verdict = judgeEntry(entry, {
      address: logAddress(databaseName(this.#options.networkName, 'trust', epoch)),
      schema: schemaOf('trust'),
      // Nobody carries what is not written yet.
      nowMs: carriedAtMs - MAX_CLOCK_AHEAD_MS,
      verify: this.#components.verify,
    })
    return verdict.isAccepted && !isCarriedId(verdict.localId) ? verdict : null
  }
}

/** The carried entry in the block of a carrier's entry, or null. */
export function carriedIn(block: Uint8Array): CarriedRecord | null {
  const value = (decodeValue(block) as { payload?: { value?: unknown } }).payload?.value
  return typeof value === 'object' && value !== null && isCarried(value) ? value : null
}

/** Whether what an entry or a record states takes trust away: revokes a key or a vouch. */
export function isRevoking(value: RecordValue | null): boolean {
  if (value === null) return false
  if ('peer_id' in value) return (value as VouchRecord).status === 'revoked'
  if (!('versions' in value)) return false
  const { versions } = value as TrustRecord
  return Object.values(versions).some(({ status }) => status === 'revoked')
}

function isCarried(value: object): value is CarriedRecord {
  return 'entry' in value && value.entry instanceof Uint8Array && 'epoch' in value
}
