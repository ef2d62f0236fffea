/** A part of what is there already, kept free for what comes. */
const SPARE = 1 / 8
const LEAST_ROOM = 64

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE = ALPHABET.length
/** Of each ASCII character its value as a digit. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))),
)
const WORD = 2 ** 32

/**
 * The last 8 bytes of each entry's SHA-256 digest, which are those of its name: some 9 bytes an entry, in
 * one piece, so that all of them are walked in a moment.
 */
export class NameDigests {
  /** Two for each name, the last 4 bytes of its digest first, each as a number in network order. */
  #words = new Uint32Array(0)
  #count = 0

  static of(names: Iterable<string>): NameDigests {
    const digests = new NameDigests()
    for (const name of names) digests.push(name)
    return digests
  }

  get count(): number {
    return this.#count
  }

  /** Two for each name, and room to spare: valid until the next `push`. */
  get words(): Uint32Array {
    return this.#words
  }

  push(name: string): void {
    const at = 2 * this.#count
    this.#words = withRoom(this.#words, at + 2)
    // The name is the CID as a number with base 58, of which 64 bits are kept: no product leaves 2^38.
    let [low, high] = [0, 0]
    for (let i = 1; i < name.length; i += 1) {
      const product = low * BASE + (DIGITS[name.charCodeAt(i)] ?? 0)
      low = product >>> 0
      high = (high * BASE + (product - low) / WORD) >>> 0
    }
    this.#words[at] = low
    this.#words[at + 1] = high
    this.#count += 1
  }
}

/** The array itself where it is long enough, else a longer one that begins with it. */
export function withRoom<T extends Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(
  array: T,
  length: number,
): T {
  if (array.length >= length) return array
  const room = Math.ceil(length * (1 + SPARE)) + LEAST_ROOM
  const longer = array instanceof Uint8Array ? new Uint8Array(room) : new Uint32Array(room)
  longer.set(array)
  return longer as T
}
