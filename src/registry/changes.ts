/** Remembered at least; whoever is further behind looks at everything. */
const REMEMBERED = 4096

/** One author's claim on one local id. */
export interface ClaimPlace {
  readonly localId: string
  readonly author: string
}

/** Which claims changed, one a change, for readers that keep up with a view. */
export class Changes {
  #places: ClaimPlace[] = []
  #revision = 0

  /** How many changes there were. */
  get revision(): number {
    return this.#revision
  }

  note({ localId, author }: ClaimPlace): void {
    this.#revision += 1
    this.#places.push({ localId, author })
    if (this.#places.length >= 2 * REMEMBERED) this.#places.splice(0, REMEMBERED)
  }

  /** A change of what is not told one by one. */
  noteMany(): void {
    this.#revision += 1
    this.#places = []
  }

  /** Local ids that changed since a revision, each once; null when that is too long ago to tell. */
  since(revision: number): readonly string[] | null {
    const places = this.#since(revision)
    return places === null ? null : [...new Set(places.map(({ localId }) => localId))]
  }

  /** Local id -> authors whose claims on it changed since a revision; null when that is too long ago to tell. */
  claimsSince(revision: number): ReadonlyMap<string, ReadonlySet<string>> | null {
    const places = this.#since(revision)
    if (places === null) return null
    const changed = new Map<string, Set<string>>()
    for (const { localId, author } of places) {
      const authors = changed.get(localId)
      if (authors === undefined) changed.set(localId, new Set([author]))
      else authors.add(author)
    }
    return changed
  }

  #since(revision: number): readonly ClaimPlace[] | null {
    const first = this.#revision - this.#places.length
    return revision < first ? null : this.#places.slice(revision - first)
  }
}
