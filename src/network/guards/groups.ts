/** The largest group, as far as it is asked about. */
export interface LargestGroup<T> {
  readonly size: number
  readonly newest: T
}

/**
 * Members by group, with the largest group at hand: adding, taking out and asking for it cost the same
 * however many groups there are. Bounded by whoever adds.
 */
export class Groups<T> {
  /** Each group in the order in which its members came. */
  readonly #groups = new Map<string, T[]>()
  /** Groups of each size; groups and sizes that are empty are not kept. */
  readonly #bySize = new Map<number, Set<string>>()
  #largest = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  sizeOf(group: string): number {
    return this.#groups.get(group)?.length ?? 0
  }

  add(group: string, member: T): void {
    const members = this.#groups.get(group) ?? []
    this.#groups.set(group, members)
    members.push(member)
    this.#count++
    this.#move(group, members.length - 1, members.length)
  }

  delete(group: string, member: T): void {
    const members = this.#groups.get(group)
    const index = members?.lastIndexOf(member) ?? -1
    if (members === undefined || index < 0) return
    members.splice(index, 1)
    this.#count--
    if (members.length === 0) this.#groups.delete(group)
    this.#move(group, members.length + 1, members.length)
  }

  largest(): LargestGroup<T> | null {
    const members = this.#largestMembers()
    const newest = members?.at(-1)
    return members === undefined || newest === undefined ? null : { size: members.length, newest }
  }

  /** Who has been longest in the largest group. */
  oldestOfLargest(): T | null {
    return this.#largestMembers()?.[0] ?? null
  }

  #largestMembers(): T[] | undefined {
    const [group] = this.#bySize.get(this.#largest) ?? []
    return group === undefined ? undefined : this.#groups.get(group)
  }

  #move(group: string, from: number, to: number): void {
    const before = this.#bySize.get(from)
    before?.delete(group)
    if (before?.size === 0) this.#bySize.delete(from)
    if (to > 0) {
      const after = this.#bySize.get(to) ?? new Set()
      this.#bySize.set(to, after.add(group))
    }
    // Sizes change by one, so a largest group that shrank is still no smaller than any other.
    if (to > this.#largest || (from === this.#largest && !this.#bySize.has(from))) {
      this.#largest = to
    }
  }
}
