/** What one attacker sent last, to be printed when something breaks. */
export class Trail {
  readonly name: string
  readonly #last: string[] = []
  readonly #length: number
  readonly #onLine: (line: string) => void

  /** @param onLine called with each line, for those who cannot ask later */
  constructor(name: string, onLine: (line: string) => void = () => {}, length = 12) {
    this.name = name
    this.#onLine = onLine
    this.#length = length
  }

  note(phase: string, ...sent: readonly Uint8Array[]): void {
    const bytes = sent.map((part) => `${part.length}:${hexOf(part)}`).join(' ')
    this.add(`${new Date().toISOString().slice(11, 23)} ${phase} ${bytes}`)
  }

  add(line: string): void {
    this.#last.push(line)
    if (this.#last.length > this.#length) this.#last.shift()
    this.#onLine(line)
  }

  toString(): string {
    return [this.name, ...this.#last].join('\n    ')
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 96)).toString('hex')
}
