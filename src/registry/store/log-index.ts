import { LogSketch } from './log-sketch.ts'
import { NameDigests, withRoom } from './name-digests.ts'
import { parentsFirst } from './parents-first.ts'

export interface LackingOptions {
  /** Of what the asker has. */
  readonly sketch?: LogSketch | null
  readonly after?: string | null
}

/** Positions of those that link to an entry which is not here, by `next` and by `refs`. */
interface Missed {
  readonly children: number[]
  readonly referrers: number[]
}

/**
 * The shape of one log in memory: which entries are joined, in an order where parents come first, and
 * who links to whom. About 200 bytes an entry, its name among them; it answers "what does a peer with these
 * entries lack" without a read from disk.
 */
export class LogIndex {
  readonly #positions = new Map<string, number>()
  readonly #hashes: string[] = []
  /** Positions of what an entry follows. */
  readonly #parents: number[][] = []
  /** Position of an entry -> those of what it refers to besides: it comes after them, and they stay heads. Few have any. */
  readonly #refs = new Map<number, number[]>()
  readonly #heads = new Set<string>()
  /** Entries that are linked to but not here, lost blocks. */
  readonly #missing = new Map<string, Missed>()
  readonly #digests = new NameDigests()
  /** Of each position 1 where its entry counts for its key, else 0; with room to spare. */
  #counting = new Uint8Array(0)
  /**
   * All positions, parents before children; sorted again after a lost entry came back. null: they are so in their
   * own order, for none ever was lost.
   */
  #sequence: number[] | null = null
  #isInSequence = true

  get size(): number {
    return this.#hashes.length
  }

  get headCount(): number {
    return this.#heads.size
  }

  has(hash: string): boolean {
    return this.#positions.has(hash)
  }

  /**
   * Adds an entry after all that it follows (`next`) and refers to, lost ones aside: those may come back after it.
   */
  add(hash: string, next: readonly string[], refs: readonly string[] = []): void {
    if (this.#positions.has(hash)) return
    const position = this.#hashes.length
    this.#positions.set(hash, position)
    this.#hashes.push(hash)
    this.#digests.push(hash)
    this.#counting = withRoom(this.#counting, this.size)
    this.#sequence?.push(position)
    for (const parent of next) this.#heads.delete(parent)
    this.#parents.push(this.#locate(next, (missed) => missed.children.push(position)))
    if (refs.length > 0) {
      const positions = this.#locate(refs, (missed) => missed.referrers.push(position))
      this.#refs.set(position, positions)
    }
    const missed = this.#missing.get(hash)
    if (missed === undefined || missed.children.length === 0) this.#heads.add(hash)
    if (missed !== undefined) this.#putBack(hash, position, missed)
  }

  isMissing(hash: string): boolean {
    return this.#missing.has(hash)
  }

  /** Entries that others link to and that are not here, at most `limit`. */
  missing(limit: number): string[] {
    return [...this.#missing.keys()].slice(0, limit)
  }

  /** Notes whether an entry that is here counts for its key. */
  setCounting(hash: string, isCounting: boolean): void {
    const position = this.#positions.get(hash)
    if (position !== undefined) this.#counting[position] = isCounting ? 1 : 0
  }

  /** Entries that no other links to, the latest joined first. */
  heads(limit: number): string[] {
    return [...this.#heads].reverse().slice(0, limit)
  }

  /** Heads as OrbitDB keeps them; a lost parent is left out. */
  headLinks(): { hash: string; next: string[] }[] {
    return [...this.#heads].map((hash) => {
      const parents = this.#parents[this.#positions.get(hash) ?? -1] ?? []
      return { hash, next: parents.map((position) => this.#hashes[position] ?? '') }
    })
  }

  /**
   * A few names that tell a peer how much of the log is here: heads, then entries at doubling
   * distances from the end, so that a shared past is recognised even when every head is new.
   */
  locator(limit: number): string[] {
    const names = new Set(this.heads(Math.floor(limit / 2)))
    for (let back = 1; back <= this.size && names.size < limit; back *= 2) {
      const hash = this.#hashes[this.size - back]
      if (hash !== undefined) names.add(hash)
    }
    return [...names]
  }

  /** What is here, for a peer that is asked for the rest. */
  sketch(): LogSketch {
    return LogSketch.of(this.#digests)
  }

  /** The names of what is `lacking`. */
  missingFrom(known: Iterable<string>, options: LackingOptions = {}): string[] {
    return this.names(this.lacking(known, options))
  }

  /**
   * All entries here, parents first, that are neither in `known` nor an ancestor of one in it, nor in the sketch of
   * who asks, nor come up to `after`, as which it had them in this order before. Some 0.05 us an entry.
   * @returns their positions, which stay theirs
   */
  lacking(
    known: Iterable<string>,
    { sketch = null, after = null }: LackingOptions = {},
  ): Uint32Array {
    const isHad = sketch?.shared(this.#digests) ?? new Uint8Array(this.size)
    this.#markWithAncestors(known, isHad)
    if (!this.#isInSequence) this.#sort()
    const sequence = this.#sequence
    const last = after === null ? undefined : this.#positions.get(after)
    const lastAt = last === undefined ? -1 : (sequence?.indexOf(last) ?? last)
    const lacking = new Uint32Array(this.size)
    let count = 0
    for (let i = lastAt + 1; i < this.size; i += 1) {
      const position = sequence === null ? i : (sequence[i] ?? 0)
      if (isHad[position] === 1) continue
      lacking[count] = position
      count += 1
    }
    return lacking.slice(0, count)
  }

  names(positions: Uint32Array | readonly number[]): string[] {
    return Array.from(positions, (position) => this.#hashes[position] ?? '')
  }

  /** Those of `positions` whose entries count, in this order, at most `limit`. */
  countingAmong(positions: Uint32Array, limit: number): number[] {
    const found: number[] = []
    for (const position of positions) {
      if (found.length >= limit) break
      if (this.#counting[position] === 1) found.push(position)
    }
    return found
  }

  /** @param isHad what the sketch says; nobody says of an entry there that its ancestors are too. */
  #markWithAncestors(known: Iterable<string>, isHad: Uint8Array): void {
    const isMarked = new Uint8Array(this.size)
    const toMark: number[] = []
    for (const hash of known) {
      const position = this.#positions.get(hash)
      if (position !== undefined) toMark.push(position)
    }
    for (let at = toMark.pop(); at !== undefined; at = toMark.pop()) {
      if (isMarked[at] === 1) continue
      isMarked[at] = 1
      isHad[at] = 1
      toMark.push(...(this.#parents[at] ?? []))
    }
  }

  /** Positions of those that are here; the others are noted as missing. */
  #locate(names: readonly string[], note: (missed: Missed) => void): number[] {
    const positions: number[] = []
    for (const name of names) {
      const at = this.#positions.get(name)
      if (at !== undefined) {
        positions.push(at)
        continue
      }
      const missed = this.#missing.get(name) ?? { children: [], referrers: [] }
      this.#missing.set(name, missed)
      note(missed)
    }
    // In a copy: an array that grew has room for sixteen more.
    return positions.slice()
  }

  #putBack(hash: string, position: number, { children, referrers }: Missed): void {
    this.#missing.delete(hash)
    for (const child of children) this.#parents[child]?.push(position)
    for (const referrer of referrers) this.#refs.get(referrer)?.push(position)
    this.#sequence ??= [...this.#hashes.keys()]
    this.#isInSequence = false
  }

  #sort(): void {
    const parentAt = (position: number, i: number) => {
      const parents = this.#parents[position] ?? []
      return i < parents.length ? parents[i] : this.#refs.get(position)?.[i - parents.length]
    }
    this.#sequence = [...parentsFirst(this.size, this.#sequence ?? [], parentAt)]
    this.#isInSequence = true
  }
}
