import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { encodeFrame, FrameReader } from '../../../src/wire/frames.ts'

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('frames come out as they went in, however the bytes are cut', () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 })
  fc.assert(
    fc.property(contents, fc.integer({ min: 1, max: 400 }), (frames, size) => {
      const bytes = Buffer.concat(frames.map(encodeFrame))
      const reader = new FrameReader(300)
      const found: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += size) {
        found.push(...reader.push(bytes.subarray(at, at + size)))
      }
      assert.deepEqual(found.map(textOf), frames.map(textOf))
    }),
  )
})

test('a frame of so many bytes is read, and one byte more is refused before it is held', () => {
  assert.equal(new FrameReader(200).push(encodeFrame(new Uint8Array(200))).length, 1)
  const tooLong = encodeFrame(new Uint8Array(201)).subarray(0, 3)
  assert.throws(() => new FrameReader(200).push(tooLong), { code: 'FRAME', message: /too long/ })
})

test('a length that does not end is refused', () => {
  const reader = new FrameReader(1 << 27)
  assert.throws(() => reader.push(Uint8Array.of(0x80, 0x80, 0x80, 0x80)), { code: 'FRAME' })
})

test('a frame that comes byte by byte is joined once', () => {
  const bytes = encodeFrame(new Uint8Array(150_000))
  const reader = new FrameReader(150_000)
  const startedAtMs = performance.now()
  for (const byte of bytes) reader.push(Uint8Array.of(byte))
  // Joined at each byte it would be eleven gigabytes of copying.
  assert.ok(performance.now() - startedAtMs < 2_000)
})
