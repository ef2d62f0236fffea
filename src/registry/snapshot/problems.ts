/** What is wrong with a snapshot or a store: how often, and the first few in words. */
export class Problems {
  readonly first: string[] = []
  count = 0

  /** Callers put nothing in it that a stranger wrote, save hashes and reason codes. */
  add(text: string): void {
    this.count += 1
    if (this.first.length < SHOWN) this.first.push(text)
  }
}

const SHOWN = 10
