/** What decides which of two entries of one key counts. */
export interface DatedEntry {
  readonly hash: string
  readonly clock: { readonly time: number }
  readonly payload: { readonly key: string }
}

interface Latest {
  readonly hash: string
  readonly timeMs: number
}

/**
 * The entry of a log that counts for each key: the one with the latest clock, of equals the one with the
 * greater hash. The order in which entries come plays no part. About 100 bytes a key.
 */
export class LatestEntries {
  readonly #byKey = new Map<string, Latest>()

  add({ hash, clock, payload }: DatedEntry): void {
    const latest = this.#byKey.get(payload.key)
    if (latest !== undefined && !isLater(clock.time, hash, latest)) return
    this.#byKey.set(payload.key, { hash, timeMs: clock.time })
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Those of `hashes` that count, in this order, at most `limit`. */
  among(hashes: readonly string[], limit: number): string[] {
    if (limit === 0) return []
    const latest = new Set<string>()
    for (const { hash } of this.#byKey.values()) latest.add(hash)
    const found: string[] = []
    for (const hash of hashes) {
      if (found.length >= limit) break
      if (latest.has(hash)) found.push(hash)
    }
    return found
  }
}

function isLater(timeMs: number, hash: string, than: Latest): boolean {
  return timeMs === than.timeMs ? hash > than.hash : timeMs > than.timeMs
}
