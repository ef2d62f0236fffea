import { LogSketch } from './log-sketch.ts'

const VISITED = 1
const SORTED = 2

/**
 * The shape of one log in memory: which entries are joined, in an order where parents come first, and
 * who links to whom. About 200 bytes an entry, its name among them; it answers "what does a peer with these
 * entries lack" without a read from disk.
 */
export class LogIndex {
  readonly #positions = new Map<string, number>()
  readonly #hashes: string[] = []
  /** Positions of an entry's parents. */
  readonly #parents: number[][] = []
  readonly #heads = new Set<string>()
  /** Parents that are linked to but not here, lost blocks, and the positions of who links to them. */
  readonly #missing = new Map<string, number[]>()
  /** All positions, parents before children; sorted again after a lost entry came back. */
  #sequence: number[] = []
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

  /** Adds an entry after its parents, lost ones aside: those may come back after their children. */
  add(hash: string, next: readonly string[]): void {
    if (this.#positions.has(hash)) return
    const position = this.#hashes.length
    this.#positions.set(hash, position)
    this.#hashes.push(hash)
    this.#sequence.push(position)
    const parents: number[] = []
    for (const parent of next) {
      this.#heads.delete(parent)
      const at = this.#positions.get(parent)
      if (at !== undefined) parents.push(at)
      else this.#noteMissing(parent, position)
    }
    // In a copy: an array that grew has room for sixteen more.
    this.#parents.push(parents.slice())
    const children = this.#missing.get(hash)
    if (children === undefined) this.#heads.add(hash)
    else this.#putBack(hash, position, children)
  }

  isMissing(hash: string): boolean {
    return this.#missing.has(hash)
  }

  /** Entries that others link to and that are not here, at most `limit`. */
  missing(limit: number): string[] {
    return [...this.#missing.keys()].slice(0, limit)
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
    return LogSketch.of(this.#hashes)
  }

  /**
   * All entries here, parents first, that are neither in `known` nor an ancestor of one in it, nor in the sketch of
   * who asks, nor come up to `after`, as which it had them in this order before.
   */
  missingFrom(
    known: Iterable<string>,
    { sketch = null, after = null }: { sketch?: LogSketch | null; after?: string | null } = {},
  ): string[] {
    const isKnown = sketch?.shared(this.#hashes) ?? new Uint8Array(this.size)
    const toMark: number[] = []
    for (const hash of known) {
      const position = this.#positions.get(hash)
      if (position !== undefined) toMark.push(position)
    }
    const isMarked = new Uint8Array(this.size)
    for (let at = toMark.pop(); at !== undefined; at = toMark.pop()) {
      if (isMarked[at] === 1) continue
      isMarked[at] = 1
      toMark.push(...(this.#parents[at] ?? []))
    }
    if (!this.#isInSequence) this.#sort()
    const last = after === null ? undefined : this.#positions.get(after)
    return this.#sequence
      .slice(last === undefined ? 0 : this.#sequence.indexOf(last) + 1)
      .filter((position) => isKnown[position] !== 1 && isMarked[position] !== 1)
      .map((position) => this.#hashes[position] ?? '')
  }

  #noteMissing(parent: string, child: number): void {
    const children = this.#missing.get(parent)
    if (children === undefined) this.#missing.set(parent, [child])
    else children.push(child)
  }

  #putBack(hash: string, position: number, children: readonly number[]): void {
    this.#missing.delete(hash)
    for (const child of children) this.#parents[child]?.push(position)
    this.#isInSequence = false
  }

  /** Depth first with a stack of our own: a log is one long chain. */
  #sort(): void {
    const state = new Uint8Array(this.size)
    const sorted: number[] = []
    for (const root of this.#sequence) {
      const stack = [root]
      for (let at = stack.at(-1); at !== undefined; at = stack.at(-1)) {
        if (state[at] === VISITED || state[at] === SORTED) {
          stack.pop()
          if (state[at] === VISITED) sorted.push(at)
          state[at] = SORTED
          continue
        }
        state[at] = VISITED
        for (const parent of this.#parents[at] ?? []) if (state[parent] === 0) stack.push(parent)
      }
    }
    this.#sequence = sorted
    this.#isInSequence = true
  }
}
