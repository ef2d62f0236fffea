/**
 * Counts by key, with a key of the largest count at hand: a change and a question cost the same however
 * many keys there are. Bounded by whoever adds.
 */
export class Sizes {
  readonly #sizes = new Map<string, number>()
  /** Keys of each size; sizes that no key has are not kept. */
  readonly #bySize = new Map<number, Set<string>>()
  #largest = 0

  of(key: string): number {
    return this.#sizes.get(key) ?? 0
  }

  /** One of those that have most; null when there are none. */
  largest(): string | null {
    const [key] = this.#bySize.get(this.#largest) ?? []
    return key ?? null
  }

  add(key: string): void {
    const size = this.of(key)
    this.#move(key, size, size + 1)
  }

  /** Nothing happens to a key that has none. */
  subtract(key: string): void {
    const size = this.of(key)
    if (size > 0) this.#move(key, size, size - 1)
  }

  #move(key: string, from: number, to: number): void {
    const before = this.#bySize.get(from)
    before?.delete(key)
    if (before?.size === 0) this.#bySize.delete(from)
    if (to > 0) {
      this.#sizes.set(key, to)
      const after = this.#bySize.get(to) ?? new Set()
      this.#bySize.set(to, after.add(key))
    } else {
      this.#sizes.delete(key)
    }
    // Sizes change by one, so a largest group that shrank is still no smaller than any other.
    if (to > this.#largest || (from === this.#largest && !this.#bySize.has(from))) {
      this.#largest = to
    }
  }
}
