/** Remembered at least; whoever is further behind looks at everything. */
const REMEMBERED = 4096

/** Whose claims changed, one local id a change, for readers that keep up with a view. */
export class Changes {
  #ids: string[] = []
  #revision = 0

  /** How many changes there were. */
  get revision(): number {
    return this.#revision
  }

  note(localId: string): void {
    this.#revision += 1
    this.#ids.push(localId)
    if (this.#ids.length >= 2 * REMEMBERED) this.#ids.splice(0, REMEMBERED)
  }

  /** A change of what is not told one by one. */
  noteMany(): void {
    this.#revision += 1
    this.#ids = []
  }

  /** Local ids that changed since a revision, each once; null when that is too long ago to tell. */
  since(revision: number): readonly string[] | null {
    const first = this.#revision - this.#ids.length
    return revision < first ? null : [...new Set(this.#ids.slice(revision - first))]
  }
}
