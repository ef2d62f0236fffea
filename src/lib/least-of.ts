export interface LeastOfOptions<T> {
  /** A strict order. */
  isBefore(a: T, b: T): boolean
  /** Whether an item that was added is still one of them. */
  isHere(item: T): boolean
}

/**
 * The least of many items that come and go: a heap from which what is gone is taken when it comes to the top,
 * or when it is more than half of all.
 */
export class LeastOf<T> {
  readonly #options: LeastOfOptions<T>
  #heap: T[] = []
  #size = 0

  constructor(options: LeastOfOptions<T>) {
    this.#options = options
  }

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /** @param item none of them, though it may have been before */
  add(item: T): void {
    this.#size += 1
    this.#push(item)
  }

  /** One of them is gone, as `isHere` tells from now on. */
  noteGone(): void {
    this.#size -= 1
    if (this.#heap.length <= 2 * this.#size + 16) return
    this.#heap = this.#heap.filter((item) => this.#options.isHere(item))
    for (let at = this.#heap.length >> 1; at >= 0; at -= 1) this.#sink(at)
  }

  /** @param isWanted should leave out few: each of those before the least is looked at. @default all */
  least(isWanted: (item: T) => boolean = () => true): T | null {
    const leftOut: T[] = []
    let top = this.#heap[0]
    while (top !== undefined) {
      const isHere = this.#options.isHere(top)
      if (isHere && isWanted(top)) break
      if (isHere) leftOut.push(top)
      this.#takeTop()
      top = this.#heap[0]
    }
    for (const item of leftOut) this.#push(item)
    return top ?? null
  }

  #takeTop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #push(item: T): void {
    const heap = this.#heap
    let at = heap.push(item) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#isBefore(at, above)) return
      this.#swap(at, above)
      at = above
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      let least = at
      if (this.#isBefore(left, least)) least = left
      if (this.#isBefore(left + 1, least)) least = left + 1
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(at: number, than: number): boolean {
    const [item, other] = [this.#heap[at], this.#heap[than]]
    return item !== undefined && other !== undefined && this.#options.isBefore(item, other)
  }

  #swap(a: number, b: number): void {
    const [item, other] = [this.#heap[a], this.#heap[b]]
    if (item === undefined || other === undefined) return
    this.#heap[a] = other
    this.#heap[b] = item
  }
}
