import { randomBytes } from 'node:crypto'

const SALT_BYTES = 8
const SUM_BYTES = 4
const LEAST_BUCKETS = 16
/** 8 KiB of a request. */
const MOST_BUCKETS = 2048
/** Entries that a bucket is meant for, until there are most buckets. */
const ENTRIES_A_BUCKET = 4

/**
 * What somebody has of a log, in at most 8 KiB: its names fall into buckets, and of each bucket the sum of their
 * hashes is told. Where two have the same sum they have the same entries, and need not send them. Both hashes are
 * salted anew each time, so that nobody can make entries that hide others. Two sums agree by chance once in 2^32.
 */
export class LogSketch {
  readonly #salt: readonly [number, number]
  readonly #sums: Uint32Array

  private constructor(salt: readonly [number, number], sums: Uint32Array) {
    this.#salt = salt
    this.#sums = sums
  }

  /** About 0.2 us a name. */
  static of(names: readonly string[], salt: Uint8Array = randomBytes(SALT_BYTES)): LogSketch {
    const view = new DataView(salt.buffer, salt.byteOffset, SALT_BYTES)
    const seeds = [view.getUint32(0), view.getUint32(SUM_BYTES)] as const
    const sketch = new LogSketch(seeds, new Uint32Array(bucketsFor(names.length)))
    sketch.#addUp(names, sketch.#sums)
    return sketch
  }

  /** @returns null for what is none */
  static decode(bytes: Uint8Array): LogSketch | null {
    const buckets = (bytes.length - SALT_BYTES) / SUM_BYTES
    const isPower = Number.isInteger(buckets) && (buckets & (buckets - 1)) === 0
    if (!isPower || buckets < LEAST_BUCKETS || buckets > MOST_BUCKETS) return null
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const sums = Uint32Array.from({ length: buckets }, (_, i) =>
      view.getUint32(SALT_BYTES + i * SUM_BYTES),
    )
    return new LogSketch([view.getUint32(0), view.getUint32(SUM_BYTES)], sums)
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array(SALT_BYTES + this.#sums.length * SUM_BYTES)
    const view = new DataView(bytes.buffer)
    for (const [i, seed] of this.#salt.entries()) view.setUint32(i * SUM_BYTES, seed)
    for (const [i, sum] of this.#sums.entries()) view.setUint32(SALT_BYTES + i * SUM_BYTES, sum)
    return bytes
  }

  /** @param names all of a log's. @returns for each 1 where the sketch's maker has it, else 0 */
  shared(names: readonly string[]): Uint8Array {
    const sums = new Uint32Array(this.#sums.length)
    const buckets = this.#addUp(names, sums)
    return Uint8Array.from(buckets, (bucket) => (sums[bucket] === this.#sums[bucket] ? 1 : 0))
  }

  /** Adds each name to its bucket's sum. @returns the bucket of each */
  #addUp(names: readonly string[], sums: Uint32Array): Uint16Array {
    const [bucketSeed, sumSeed] = this.#salt
    const buckets = new Uint16Array(names.length)
    for (const [i, name] of names.entries()) {
      const bucket = hash(name, bucketSeed) % sums.length
      buckets[i] = bucket
      sums[bucket] = (sums[bucket] ?? 0) + hash(name, sumSeed)
    }
    return buckets
  }
}

function bucketsFor(count: number): number {
  let buckets = LEAST_BUCKETS
  while (buckets < MOST_BUCKETS && buckets * ENTRIES_A_BUCKET < count) buckets *= 2
  return buckets
}

/** FNV-1a begun with a seed, and the finaliser of MurmurHash3: 32 bits. */
function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
