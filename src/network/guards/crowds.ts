import { Sizes } from '../../lib/sizes.ts'
import { Groups, type LargestGroup } from './groups.ts'

/** Where a member belongs: a group, and a part of it. */
export interface CrowdKey {
  readonly group: string
  readonly part: string
}

/**
 * Members by group and by part of it, with the largest at hand. Each question costs the same however many
 * groups there are. Bounded by whoever adds.
 */
export class Crowds<T> {
  readonly #sizes = new Sizes()
  /** The parts of each group; groups that are empty are not kept. */
  readonly #parts = new Map<string, Groups<T>>()

  sizeOf({ group, part }: CrowdKey): { readonly group: number; readonly part: number } {
    return { group: this.#sizes.of(group), part: this.#parts.get(group)?.sizeOf(part) ?? 0 }
  }

  add({ group, part }: CrowdKey, member: T): void {
    const parts = this.#parts.get(group) ?? new Groups<T>()
    this.#parts.set(group, parts)
    parts.add(part, member)
    this.#sizes.add(group)
  }

  /** Of a member that was added with the same key. */
  delete({ group, part }: CrowdKey, member: T): void {
    const parts = this.#parts.get(group)
    if (parts === undefined) return
    const before = parts.count
    parts.delete(part, member)
    if (parts.count < before) this.#sizes.subtract(group)
    if (parts.count === 0) this.#parts.delete(group)
  }

  /** The largest group, and the newest of the largest part of it. */
  largest(): LargestGroup<T> | null {
    const group = this.#sizes.largest()
    const newest = group === null ? undefined : this.largestPart(group)?.newest
    if (group === null || newest === undefined) return null
    return { size: this.#sizes.of(group), newest }
  }

  /** The largest part of a group. */
  largestPart(group: string): LargestGroup<T> | null {
    return this.#parts.get(group)?.largest() ?? null
  }
}
