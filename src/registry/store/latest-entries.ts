/** What decides which of two entries of one key counts. */
export interface DatedEntry {
  readonly hash: string
  readonly clock: { readonly time: number }
  readonly payload: { readonly op: 'PUT' | 'DEL'; readonly key: string }
}

interface Dated {
  readonly hash: string
  readonly timeMs: number
}

/** Of one key. */
interface Counting {
  readonly latest: Dated
  /** null: none was put. */
  readonly firstPut: Dated | null
}

/**
 * The entry of a log that counts for each key: the one with the latest clock, of equals the one with the
 * greater hash. Where several authors claim one local id, the first put of each counts too, for it
 * decides whose claim is shown. The order in which entries come plays no part. Some 200 bytes a key.
 */
export class LatestEntries {
  readonly #byKey = new Map<string, Counting>()
  /** Local id -> the key of whoever claimed it first here. */
  readonly #keyOf = new Map<string, string>()
  /** Keys of local ids that several authors claim. */
  readonly #contested = new Set<string>()
  readonly #onChange: (hash: string, isCounting: boolean) => void

  /** @param onChange told when an entry begins to count, and when it does no more */
  constructor(onChange: (hash: string, isCounting: boolean) => void) {
    this.#onChange = onChange
  }

  add({ hash, clock, payload: { op, key } }: DatedEntry): void {
    const entry = { hash, timeMs: clock.time }
    const before = this.#byKey.get(key)
    if (before === undefined) this.#noteKey(key)
    const latest = before === undefined || isLater(entry, before.latest) ? entry : before.latest
    const firstBefore = before?.firstPut ?? null
    const isFirst = op === 'PUT' && (firstBefore === null || isEarlier(entry, firstBefore))
    const firstPut = isFirst ? entry : firstBefore
    if (latest === before?.latest && firstPut === firstBefore) return
    const isContested = this.#contested.has(key)
    this.#tell(before, isContested, false)
    const counting = { latest, firstPut }
    this.#byKey.set(key, counting)
    this.#tell(counting, isContested, true)
  }

  get size(): number {
    return this.#byKey.size
  }

  #tell(counting: Counting | undefined, isContested: boolean, isCounting: boolean): void {
    if (counting === undefined) return
    this.#onChange(counting.latest.hash, isCounting)
    if (isContested && counting.firstPut !== null) {
      this.#onChange(counting.firstPut.hash, isCounting)
    }
  }

  #noteKey(key: string): void {
    const localId = key.slice(key.indexOf('/') + 1)
    const other = this.#keyOf.get(localId)
    if (other === undefined) {
      this.#keyOf.set(localId, key)
      return
    }
    this.#contested.add(other).add(key)
    this.#tell(this.#byKey.get(other), true, true)
  }
}

function isLater(entry: Dated, than: Dated): boolean {
  return entry.timeMs === than.timeMs ? entry.hash > than.hash : entry.timeMs > than.timeMs
}

/** Between equals either says the same of whose claim is the first; one rule for all. */
function isEarlier(entry: Dated, than: Dated): boolean {
  return entry.timeMs === than.timeMs ? entry.hash > than.hash : entry.timeMs < than.timeMs
}
