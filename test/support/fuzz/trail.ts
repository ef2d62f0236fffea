/** What one attacker sent last, to be printed when something breaks. */
export class Trail {
  readonly name: string
  readonly #last: string[] = []
  readonly #length: number

  constructor(name: string, length = 12) {
    this.name = name
    this.#length = length
  }

  note(phase: string, ...sent: readonly Uint8Array[]): void {
    const bytes = sent.map((part) => `${part.length}:${hexOf(part)}`).join(' ')
    this.#last.push(`${new Date().toISOString().slice(11, 23)} ${phase} ${bytes}`)
    if (this.#last.length > this.#length) this.#last.shift()
  }

  toString(): string {
    return [this.name, ...this.#last].join('\n    ')
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 96)).toString('hex')
}
