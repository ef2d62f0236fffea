export interface BoundedMapOptions<K, V> {
  /** Most entries held; the least recently used one goes first. */
  readonly limit: number
  /** Called for an entry that was pushed out, not for one that was deleted. */
  readonly onEvict?: (key: K, value: V) => void
  /**
   * Whether an entry says no more than none would. With each new one the two oldest are looked at, so that
   * a map of those who came once does not grow to its limit. Must be monotonous: what is spent stays so.
   */
  readonly isSpent?: (value: V, key: K) => boolean
}

/** More than the one that came, so that they become fewer. */
const LOOKED_AT = 2

/** A map that cannot outgrow its limit: `get` and `set` make an entry the youngest. */
export class BoundedMap<K, V> {
  readonly #map = new Map<K, V>()
  readonly #options: BoundedMapOptions<K, V>

  constructor(options: BoundedMapOptions<K, V>) {
    if (!Number.isInteger(options.limit) || options.limit < 1) {
      throw new RangeError(`a bounded map needs a limit of at least 1, not ${options.limit}`)
    }
    this.#options = options
  }

  get size(): number {
    return this.#map.size
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  /** Reads an entry without making it younger. */
  peek(key: K): V | undefined {
    return this.#map.get(key)
  }

  get(key: K): V | undefined {
    const value = this.#map.get(key)
    if (value === undefined) return undefined
    this.#map.delete(key)
    this.#map.set(key, value)
    return value
  }

  set(key: K, value: V): this {
    const isNew = !this.#map.delete(key)
    if (isNew) this.#dropSpent()
    this.#map.set(key, value)
    if (this.#map.size > this.#options.limit) this.#evictOldest()
    return this
  }

  delete(key: K): boolean {
    return this.#map.delete(key)
  }

  clear(): void {
    this.#map.clear()
  }

  /** Oldest first. */
  entries(): MapIterator<[K, V]> {
    return this.#map.entries()
  }

  keys(): MapIterator<K> {
    return this.#map.keys()
  }

  values(): MapIterator<V> {
    return this.#map.values()
  }

  #dropSpent(): void {
    const { isSpent } = this.#options
    if (isSpent === undefined) return
    let looked = 0
    for (const [key, value] of this.#map) {
      if (looked === LOOKED_AT || !isSpent(value, key)) return
      this.#map.delete(key)
      looked += 1
    }
  }

  #evictOldest(): void {
    for (const [key, value] of this.#map) {
      this.#map.delete(key)
      this.#options.onEvict?.(key, value)
      return
    }
  }
}
