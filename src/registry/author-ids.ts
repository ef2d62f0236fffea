import { lowerBound } from '../lib/lower-bound.ts'

/** So many of the last are kept in order: who sends IDs in descending order is sorted once for all of them. */
const LAST_KEPT = 256

/** The local ids of one author, at most so many: of more, those that sort first, whatever came first. */
export class AuthorIds {
  readonly #limit: number
  readonly #ids = new Set<string>()
  /** The last ones, ascending; empty: to be found again. Kept while there is no room. */
  #last: string[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#ids.size
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#ids.values()
  }

  /** @returns the id that there is no room for, this or another; null: there is. */
  add(localId: string): string | null {
    if (this.#ids.size < this.#limit) {
      this.#ids.add(localId)
      this.#last = []
      return null
    }
    if (this.#last.length === 0) this.#findLast()
    const last = this.#last.at(-1)
    if (last === undefined || localId >= last) return localId
    this.#ids.delete(last)
    this.#ids.add(localId)
    this.#last.pop()
    this.#insert(localId)
    return last
  }

  delete(localId: string): void {
    if (this.#ids.delete(localId)) this.#last = []
  }

  #findLast(): void {
    for (const id of this.#ids) {
      const isFull = this.#last.length === LAST_KEPT
      if (isFull && id < (this.#last[0] ?? '')) continue
      this.#last.splice(lowerBound(this.#last, id), 0, id)
      if (isFull) this.#last.shift()
    }
  }

  /** Those before the first that is kept are not known, so one that sorts before it is left out. */
  #insert(localId: string): void {
    const first = this.#last[0]
    if (first === undefined || localId < first) return
    this.#last.splice(lowerBound(this.#last, localId), 0, localId)
  }
}
