import { lowerBound } from '../../lib/lower-bound.ts'

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
    if (this.#ids.delete(id)) this.#changed.add(id)
  }

  /** The same array until something changes; then what changed is put among the others. */
  sorted(): readonly string[] {
    if (this.#changed.size === 0) return this.#sorted
    const before = this.#sorted
    const sorted: string[] = []
    let from = 0
    for (const id of [...this.#changed].sort()) {
      const at = lowerBound(before, id)
      append(sorted, before, from, at)
      if (this.#ids.has(id)) sorted.push(id)
      from = before[at] === id ? at + 1 : at
    }
    append(sorted, before, from, before.length)
    this.#changed.clear()
    this.#sorted = sorted
    return sorted
  }
}

function append(to: string[], ids: readonly string[], from: number, end: number): void {
  for (let at = from; at < end; at += 1) to.push(ids[at] ?? '')
}
