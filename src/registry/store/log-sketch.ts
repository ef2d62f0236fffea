import { randomBytes } from 'node:crypto'

import type { NameDigests } from './name-digests.ts'

const SALT_BYTES = 8
const SUM_BYTES = 4
/** Two words. */
const HASHED_BYTES = 8
const LEAST_BUCKETS = 16
/** 8 KiB of a request. */
const MOST_BUCKETS = 2048
/** Entries that a bucket is meant for, until there are most buckets. */
const ENTRIES_A_BUCKET = 4

/**
 * What somebody has of a log, in at most 8 KiB: its names fall into buckets, and of each bucket the sum of their
 * hashes is told. Where two have the same sum they have the same entries, and need not send them. Both hashes are
 * salted anew each time, so that nobody can make entries that hide others. Two sums agree by chance once in 2^32.
 * They are of 64 bits of each name: whoever made two entries alike in these could hide one of the two behind the other.
 */
export class LogSketch {
  readonly #salt: readonly [number, number]
  readonly #sums: Uint32Array

  private constructor(salt: readonly [number, number], sums: Uint32Array) {
    this.#salt = salt
    this.#sums = sums
  }

  /** About 0.02 us a name. */
  static of(names: NameDigests, salt: Uint8Array = randomBytes(SALT_BYTES)): LogSketch {
    const view = new DataView(salt.buffer, salt.byteOffset, SALT_BYTES)
    const seeds = [view.getUint32(0), view.getUint32(SUM_BYTES)] as const
    const sketch = new LogSketch(seeds, new Uint32Array(bucketsFor(names.count)))
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
  shared(names: NameDigests): Uint8Array {
    const sums = new Uint32Array(this.#sums.length)
    const buckets = this.#addUp(names, sums)
    const isShared = new Uint8Array(buckets.length)
    for (let i = 0; i < buckets.length; i += 1) {
      const bucket = buckets[i] ?? 0
      if (sums[bucket] === this.#sums[bucket]) isShared[i] = 1
    }
    return isShared
  }

  /** Adds each name to its bucket's sum. @returns the bucket of each */
  #addUp({ words, count }: NameDigests, sums: Uint32Array): Uint16Array {
    const [bucketSeed, sumSeed] = this.#salt
    const buckets = new Uint16Array(count)
    const mask = sums.length - 1
    for (let i = 0; i < count; i += 1) {
      const low = words[2 * i] ?? 0
      const high = words[2 * i + 1] ?? 0
      const bucket = hash(low, high, bucketSeed) & mask
      buckets[i] = bucket
      sums[bucket] = (sums[bucket] ?? 0) + hash(low, high, sumSeed)
    }
    return buckets
  }
}

function bucketsFor(count: number): number {
  let buckets = LEAST_BUCKETS
  while (buckets < MOST_BUCKETS && buckets * ENTRIES_A_BUCKET < count) buckets *= 2
  return buckets
}

/** MurmurHash3 (x86, 32 bits) of two words in their order. */
function hash(first: number, second: number, seed: number): number {
  let h = mixIn(mixIn(seed, first), second) ^ HASHED_BYTES
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function mixIn(before: number, word: number): number {
  const scattered = Math.imul(word, 0xcc9e2d51)
  const h = before ^ Math.imul((scattered << 15) | (scattered >>> 17), 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}
