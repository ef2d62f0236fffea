/**
 * Follows where messages begin in the bytes of one channel or stream: each has its length before it, a varint, and need
 * neither begin nor end with what arrives at once.
 */
export class MessageLengths {
  readonly #mostBytes: number
  /** Of the message that is arriving. */
  #missingBytes = 0
  #arrivedBytes = 0
  /** What is there of a length whose end is not. */
  #length = 0
  #factor = 1

  /** @param mostBytes of one message */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** What is there of a message whose end is not, its length included. */
  get arrivedBytes(): number {
    return this.#isBetween() ? 0 : this.#arrivedBytes
  }

  /**
   * @returns how many messages begin in these bytes, or null when one is too long, or its length longer than it has to
   * be: decoders take no more of such a one than it has to be, and see other messages then
   */
  read(bytes: Uint8Array): number | null {
    let begun = 0
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(this.#missingBytes, bytes.length - at)
      this.#missingBytes -= taken
      at += taken
      this.#arrivedBytes += taken
      if (this.#isBetween()) this.#arrivedBytes = 0
      const byte = bytes[at]
      if (byte === undefined) break
      at += 1
      this.#arrivedBytes += 1
      this.#length += (byte & 0x7f) * this.#factor
      this.#factor *= 0x80
      const isWhole = byte < 0x80
      // A length that goes on, with zeros, is too long as well.
      if (this.#length > this.#mostBytes || (!isWhole && this.#factor > this.#mostBytes))
        return null
      if (!isWhole) continue
      if (byte === 0 && this.#factor > 0x80) return null
      begun += 1
      this.#missingBytes = this.#length
      this.#length = 0
      this.#factor = 1
    }
    return begun
  }

  #isBetween(): boolean {
    return this.#missingBytes === 0 && this.#factor === 1
  }
}
