/** Records nest far less. */
const MAX_DEPTH = 8
const MAX_FOUR_BYTES = 0xffff_ffff
/** Thrown and caught in this file alone. */
const NOT_PLAIN = Symbol('not plain')

/**
 * Reads one item of plain canonical dag-cbor: what an entry is made of nearly always. Plain are whole
 * numbers from 0 on, ASCII texts, arrays, maps, true, false and null. Several times faster than decoding and
 * encoding again to compare, with the same outcome: what this reads, `decodeValue` reads alike, and
 * `encodeValue` makes these bytes of it.
 * @returns null for anything else, canonical or not, to be looked at the slow way.
 */
export function readPlain(bytes: Uint8Array): { readonly value: unknown } | null {
  try {
    const reader = new PlainReader(bytes)
    const value = reader.readItem(0)
    return reader.isAtEnd ? { value } : null
  } catch (error) {
    if (error === NOT_PLAIN) return null
    throw error
  }
}

/**
 * The fields of a plain map up to one of them, which is read too, and nothing of what follows.
 * @returns null for anything else, and where there is no such field
 */
export function readPlainUpTo(
  bytes: Uint8Array,
  last: string,
): Readonly<Record<string, unknown>> | null {
  try {
    const fields = new PlainReader(bytes).readMapUpTo(last)
    return Object.hasOwn(fields, last) ? fields : null
  } catch (error) {
    if (error === NOT_PLAIN) return null
    throw error
  }
}

class PlainReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  readItem(depth: number): unknown {
    const head = this.#take()
    switch (head >> 5) {
      case 0:
        return this.#readArgument(head)
      case 3:
        return this.#readText(head)
      case 4:
        return this.#readArray(head, depth)
      case 5:
        return this.#readMap(head, depth)
      default:
        return readSimple(head)
    }
  }

  readMapUpTo(last: string): Record<string, unknown> {
    const head = this.#take()
    if (head >> 5 !== 5) throw NOT_PLAIN
    return this.#readMap(head, 0, last)
  }

  #readArray(head: number, depth: number): unknown[] {
    if (depth === MAX_DEPTH) throw NOT_PLAIN
    const length = this.#readArgument(head)
    const items: unknown[] = []
    for (let i = 0; i < length; i += 1) items.push(this.readItem(depth + 1))
    return items
  }

  /** Keys in the order of their length, then of their bytes, no key twice. @param last where it stops */
  #readMap(head: number, depth: number, last: string | null = null): Record<string, unknown> {
    if (depth === MAX_DEPTH) throw NOT_PLAIN
    const length = this.#readArgument(head)
    const map: Record<string, unknown> = {}
    let before: string | null = null
    for (let i = 0; i < length; i += 1) {
      const keyHead = this.#take()
      if (keyHead >> 5 !== 3) throw NOT_PLAIN
      const key = this.#readText(keyHead)
      // An assignment to this one makes no property.
      if (key === '__proto__' || (before !== null && !isAfter(key, before))) throw NOT_PLAIN
      map[key] = this.readItem(depth + 1)
      if (key === last) break
      before = key
    }
    return map
  }

  #readText(head: number): string {
    const length = this.#readArgument(head)
    const from = this.#at
    const to = from + length
    if (to > this.#bytes.length) throw NOT_PLAIN
    for (let at = from; at < to; at += 1) if ((this.#bytes[at] ?? 0) > 0x7f) throw NOT_PLAIN
    this.#at = to
    return this.#bytes.toString('latin1', from, to)
  }

  /** A length or a number, in as few bytes as it fits into. */
  #readArgument(head: number): number {
    const info = head & 31
    if (info < 24) return info
    if (info === 24) return atLeast(this.#take(), 24)
    if (info === 25) return atLeast(this.#takeMany(2), 0x100)
    if (info === 26) return atLeast(this.#takeMany(4), 0x1_0000)
    if (info !== 27) throw NOT_PLAIN
    const high = this.#takeMany(4)
    const value = high * (MAX_FOUR_BYTES + 1) + this.#takeMany(4)
    if (!Number.isSafeInteger(value)) throw NOT_PLAIN
    return atLeast(value, MAX_FOUR_BYTES + 1)
  }

  #takeMany(count: number): number {
    let value = 0
    for (let i = 0; i < count; i += 1) value = value * 256 + this.#take()
    return value
  }

  #take(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw NOT_PLAIN
    this.#at += 1
    return byte
  }
}

function readSimple(head: number): boolean | null {
  if (head === 0xf4) return false
  if (head === 0xf5) return true
  if (head === 0xf6) return null
  throw NOT_PLAIN
}

function atLeast(value: number, least: number): number {
  if (value < least) throw NOT_PLAIN
  return value
}

function isAfter(key: string, before: string): boolean {
  return key.length === before.length ? key > before : key.length > before.length
}
