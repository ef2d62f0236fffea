/**
 * The shape of one log in memory: which entries are joined, in an order where parents come first, and
 * who links to whom. About 250 bytes an entry; it answers "what does a peer with these entries lack"
 * without a read from disk.
 */
export class LogIndex {
  readonly #positions = new Map<string, number>()
  readonly #hashes: string[] = []
  /** Positions of an entry's parents. */
  readonly #parents: (readonly number[])[] = []
  readonly #heads = new Set<string>()
  /** Parents that are linked to but not here: lost blocks. */
  readonly #missing = new Set<string>()

  get size(): number {
    return this.#hashes.length
  }

  get headCount(): number {
    return this.#heads.size
  }

  has(hash: string): boolean {
    return this.#positions.has(hash)
  }

  /** Adds an entry after its parents; a link to an entry that is not here is left out. */
  add(hash: string, next: readonly string[]): void {
    if (this.#positions.has(hash)) return
    this.#positions.set(hash, this.#hashes.length)
    this.#hashes.push(hash)
    const parents: number[] = []
    for (const parent of next) {
      this.#heads.delete(parent)
      const position = this.#positions.get(parent)
      if (position !== undefined) parents.push(position)
      else this.#missing.add(parent)
    }
    this.#parents.push(parents)
    if (!this.#missing.delete(hash)) this.#heads.add(hash)
  }

  isMissing(hash: string): boolean {
    return this.#missing.has(hash)
  }

  /** Entries that others link to and that are not here, at most `limit`. */
  missing(limit: number): string[] {
    return [...this.#missing].slice(0, limit)
  }

  /** Entries that no other links to, the latest joined first. */
  heads(limit: number): string[] {
    return [...this.#heads].reverse().slice(0, limit)
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

  /** All entries here that are neither in `known` nor an ancestor of one in it, parents first. */
  missingFrom(known: Iterable<string>): string[] {
    const isKnown = new Uint8Array(this.size)
    for (const hash of known) {
      const position = this.#positions.get(hash)
      if (position !== undefined) isKnown[position] = 1
    }
    // Parents always stand before their children, so one pass from the end marks every ancestor.
    for (let position = this.size - 1; position >= 0; position -= 1) {
      if (isKnown[position] !== 1) continue
      for (const parent of this.#parents[position] ?? []) isKnown[parent] = 1
    }
    return this.#hashes.filter((_, position) => isKnown[position] !== 1)
  }
}
