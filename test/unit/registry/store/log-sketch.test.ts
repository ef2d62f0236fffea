import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { hashOf } from '../../../../src/registry/store/entry-codec.ts'
import { LogSketch } from '../../../../src/registry/store/log-sketch.ts'
import { NameDigests } from '../../../../src/registry/store/name-digests.ts'

const names = (count: number, of = 'a') =>
  Array.from({ length: count }, (_, i) => hashOf(Buffer.from(`${of}${i}`)))

const sketchOf = (some: readonly string[]) => LogSketch.of(NameDigests.of(some))
/** Of each name 1 where the sketch's maker has it. */
const shared = (sketch: LogSketch, all: readonly string[]) => sketch.shared(NameDigests.of(all))

test('who has the same is known to have all of it, in whatever order', () => {
  const all = names(3000)
  const known = shared(sketchOf(all.toReversed()), all)
  assert.equal(known.length, 3000)
  assert.ok(known.every((one) => one === 1))
})

test('of who lacks a few, little beside them has to be sent', () => {
  const all = names(20_000)
  const lacking = new Set([3, 777, 19_999])
  const sketch = sketchOf(all.filter((_, i) => !lacking.has(i)))
  assert.ok(shared(sketchOf(all), all).every((one) => one === 1))
  const known = shared(sketch, all)
  const unsure = known.reduce((sum, one) => sum + 1 - one, 0)
  for (const i of lacking) assert.equal(known[i], 0, `lacks ${i}`)
  assert.ok(unsure <= 100, `${unsure} of 20 000`)
})

test('who has nothing of ours is known to have nothing', () => {
  const known = shared(sketchOf(names(500, 'b')), names(500, 'a'))
  assert.ok(known.every((one) => one === 0))
})

test('each sketch has a salt of its own, so that nobody knows what would hide behind what', () => {
  const all = names(100)
  assert.notDeepEqual(sketchOf(all).encode(), sketchOf(all).encode())
})

test('a sketch is read again as it was written, and takes at most 8 KiB and its salt', () => {
  for (const count of [0, 1, 64, 65, 100_000]) {
    const all = names(count)
    const bytes = sketchOf(all).encode()
    assert.ok(bytes.length <= 8 * 1024 + 8)
    const read = LogSketch.decode(bytes)
    assert.ok(read !== null)
    assert.deepEqual(read.encode(), bytes)
    assert.ok(shared(read, all).every((one) => one === 1))
  }
  for (const length of [0, 7, 8, 12, 8 + 4 * 15, 8 + 4 * 17, 8 + 4 * 48, 8 + 4 * 4096]) {
    assert.equal(LogSketch.decode(new Uint8Array(length)), null, `${length} bytes`)
  }
})

test('the hashes are those of docs/protocols.md', () => {
  const block = Buffer.from('a block')
  const digest = createHash('sha256').update(block).digest()
  const salt = Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 2])
  const bytes = LogSketch.of(NameDigests.of([hashOf(block)]), salt).encode()
  assert.equal(Buffer.from(bytes.subarray(0, 8)).toString('hex'), '0000000100000002')
  const sums = Array.from({ length: 16 }, (_, i) => Buffer.from(bytes).readUInt32BE(8 + 4 * i))
  // The last bytes first: MurmurHash3 reads its words from the lowest byte up.
  const hashed = digest.subarray(-8).toReversed()
  assert.deepEqual(
    sums.flatMap((sum, i) => (sum === 0 ? [] : [[i, sum]])),
    [[murmur3(hashed, 1) % 16, murmur3(hashed, 2)]],
  )
})

test('the hash is MurmurHash3, and the words those of a digest', () => {
  assert.equal(murmur3(Buffer.alloc(0), 1), 0x514e28b7)
  assert.equal(murmur3(Uint8Array.of(0x21, 0x43, 0x65, 0x87), 0), 0xf55b516b)
  for (let i = 0; i < 200; i += 1) {
    const block = Buffer.from(`block ${i}`)
    const digest = createHash('sha256').update(block).digest()
    const { words } = NameDigests.of([hashOf(block)])
    assert.deepEqual([...words.slice(0, 2)], [digest.readUInt32BE(28), digest.readUInt32BE(24)])
  }
})

/** Written anew from its description, in numbers of any size; of whole words. */
function murmur3(bytes: Uint8Array, seed: number): number {
  const wrap = (value: bigint) => BigInt.asUintN(32, value)
  const turned = (value: bigint, by: bigint) => wrap((value << by) | (value >> (32n - by)))
  let h = BigInt(seed)
  for (let at = 0; at < bytes.length; at += 4) {
    const word = BigInt(Buffer.from(bytes).readUInt32LE(at))
    h ^= wrap(turned(wrap(word * 0xcc9e2d51n), 15n) * 0x1b873593n)
    h = wrap(turned(h, 13n) * 5n + 0xe6546b64n)
  }
  h ^= BigInt(bytes.length)
  h = wrap((h ^ (h >> 16n)) * 0x85ebca6bn)
  h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n)
  return Number(h ^ (h >> 16n))
}
