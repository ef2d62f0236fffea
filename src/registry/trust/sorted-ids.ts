import { lowerBound } from '../../lib/lower-bound.ts'

/** Added or taken away one by one; beyond that sorting anew is quicker. */
const ONE_BY_ONE = 64

/** A set of IDs that is asked for in order again and again, and changes a little in between. */
export class SortedIds {
  readonly #ids = new Set<string>()
  readonly #changed = new Set<string>()
  #sorted: readonly string[] = []

  add(id: string): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    this.#changed.add(id)
  }

  delete(id: string): void {
    this.#ids.delete(id)
    this.#changed.add(id)
  }

  /** The same array until something changes. */
  sorted(): readonly string[] {
    if (this.#changed.size === 0) return this.#sorted
    if (this.#changed.size > ONE_BY_ONE) this.#sorted = [...this.#ids].sort()
    else this.#sorted = this.#mended()
    this.#changed.clear()
    return this.#sorted
  }

  #mended(): string[] {
    const sorted = [...this.#sorted]
    for (const id of this.#changed) {
      const at = lowerBound(sorted, id)
      const isThere = sorted[at] === id
      if (isThere !== this.#ids.has(id))
        sorted.splice(at, isThere ? 1 : 0, ...(isThere ? [] : [id]))
    }
    return sorted
  }
}
