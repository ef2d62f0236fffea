import { Sizes } from '../../lib/sizes.ts'

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
  /** Each group in the order in which its members came; groups that are empty are not kept. */
  readonly #groups = new Map<string, T[]>()
  readonly #sizes = new Sizes()
  #count = 0

  get count(): number {
    return this.#count
  }

  sizeOf(group: string): number {
    return this.#sizes.of(group)
  }

  add(group: string, member: T): void {
    const members = this.#groups.get(group) ?? []
    this.#groups.set(group, members)
    members.push(member)
    this.#count++
    this.#sizes.add(group)
  }

  delete(group: string, member: T): void {
    const members = this.#groups.get(group)
    const index = members?.lastIndexOf(member) ?? -1
    if (members === undefined || index < 0) return
    members.splice(index, 1)
    this.#count--
    if (members.length === 0) this.#groups.delete(group)
    this.#sizes.subtract(group)
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
    const group = this.#sizes.largest()
    return group === null ? undefined : this.#groups.get(group)
  }
}
