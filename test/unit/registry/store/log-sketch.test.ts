import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LogSketch } from '../../../../src/registry/store/log-sketch.ts'

const names = (count: number, of = 'a') =>
  Array.from({ length: count }, (_, i) => `${of}${i}`.padStart(49, 'z'))

test('who has the same is known to have all of it, in whatever order', () => {
  const all = names(3000)
  const shared = LogSketch.of(all.toReversed()).shared(all)
  assert.equal(shared.length, 3000)
  assert.ok(shared.every((one) => one === 1))
})

test('of who lacks a few, little beside them has to be sent', () => {
  const all = names(20_000)
  const lacking = new Set([3, 777, 19_999])
  const sketch = LogSketch.of(all.filter((_, i) => !lacking.has(i)))
  const shared = LogSketch.of(all).shared(all)
  assert.ok(shared.every((one) => one === 1))
  const unsure = sketch.shared(all).reduce((sum, one) => sum + 1 - one, 0)
  for (const i of lacking) assert.equal(sketch.shared(all)[i], 0, `lacks ${i}`)
  assert.ok(unsure <= 100, `${unsure} of 20 000`)
})

test('who has nothing of ours is known to have nothing', () => {
  const shared = LogSketch.of(names(500, 'b')).shared(names(500, 'a'))
  assert.ok(shared.every((one) => one === 0))
})

test('each sketch has a salt of its own, so that nobody knows what would hide behind what', () => {
  const all = names(100)
  assert.notDeepEqual(LogSketch.of(all).encode(), LogSketch.of(all).encode())
})

test('a sketch is read again as it was written, and takes at most 8 KiB and its salt', () => {
  for (const count of [0, 1, 64, 65, 100_000]) {
    const all = names(count)
    const bytes = LogSketch.of(all).encode()
    assert.ok(bytes.length <= 8 * 1024 + 8)
    const read = LogSketch.decode(bytes)
    assert.ok(read !== null)
    assert.deepEqual(read.encode(), bytes)
    assert.ok(read.shared(all).every((one) => one === 1))
  }
  for (const length of [0, 7, 8, 12, 8 + 4 * 15, 8 + 4 * 17, 8 + 4 * 48, 8 + 4 * 4096]) {
    assert.equal(LogSketch.decode(new Uint8Array(length)), null, `${length} bytes`)
  }
})

test('the hashes are those of docs/protocols.md', () => {
  const bytes = LogSketch.of(['zdpu'], Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 2])).encode()
  assert.equal(Buffer.from(bytes.subarray(0, 8)).toString('hex'), '0000000100000002')
  const sums = Array.from({ length: 16 }, (_, i) => Buffer.from(bytes).readUInt32BE(8 + 4 * i))
  assert.deepEqual(
    sums.flatMap((sum, i) => (sum === 0 ? [] : [[i, sum]])),
    [[fnv('zdpu', 1) % 16, fnv('zdpu', 2)]],
  )
})

/** Written anew from the words of the document, in numbers of any size. */
function fnv(text: string, seed: number): number {
  const wrap = (value: bigint) => BigInt.asUintN(32, value)
  let h = BigInt(seed)
  for (const byte of Buffer.from(text)) h = wrap((h ^ BigInt(byte)) * 16_777_619n)
  h = wrap((h ^ (h >> 16n)) * 0x85ebca6bn)
  h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n)
  return Number(h ^ (h >> 16n))
}
