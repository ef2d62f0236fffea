import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MessageLengths } from '../../../../src/network/guards/message-lengths.ts'

const MOST_BYTES = 64 * 1024

/** Messages of these lengths, each with its length before it. */
function bytesOf(...lengths: readonly number[]): Uint8Array {
  const prefixOf = (length: number): number[] =>
    length < 0x80 ? [length] : [(length % 0x80) | 0x80, ...prefixOf(Math.floor(length / 0x80))]
  return Uint8Array.from(
    lengths.flatMap((length) => [...prefixOf(length), ...Array<number>(length).fill(0xff)]),
  )
}

test('as many messages are counted as begin, however they are cut', () => {
  const lengths = [0, 1, 127, 128, 16_384, 0, MOST_BYTES, 5]
  const bytes = bytesOf(...lengths)
  for (const step of [1, 2, 3, 1_000, bytes.length]) {
    const reader = new MessageLengths(MOST_BYTES)
    let begun = 0
    for (let at = 0; at < bytes.length; at += step) {
      begun += reader.read(bytes.subarray(at, at + step)) ?? Number.NaN
    }
    assert.equal(begun, lengths.length, `${step} bytes at a time`)
  }
})

test('of the message whose end is not there it is known what is', () => {
  const reader = new MessageLengths(MOST_BYTES)
  const bytes = bytesOf(300, 0, 2)
  const arrived: number[] = []
  for (let at = 0; at < bytes.length; at += 100) {
    reader.read(bytes.subarray(at, at + 100))
    arrived.push(reader.arrivedBytes)
  }
  assert.deepEqual(arrived, [100, 200, 300, 0])
  reader.read(Uint8Array.of(0x80))
  assert.equal(reader.arrivedBytes, 1)
})

test('sixteen thousand zeros are as many messages', () => {
  assert.equal(new MessageLengths(MOST_BYTES).read(new Uint8Array(16_384)), 16_384)
})

for (const [what, bytes] of Object.entries({
  'one byte too many': [0x81, 0x80, 0x04],
  '4 MiB less one': [0xff, 0xff, 0xff, 0x01],
  'a length without end': Array<number>(9).fill(0x80),
})) {
  test(`a message is too long: ${what}`, () => {
    assert.equal(new MessageLengths(MOST_BYTES).read(Uint8Array.from(bytes)), null)
  })
}

for (const [what, bytes] of Object.entries({
  'two bytes for 0': [0x80, 0x00],
  'three bytes for 200': [0xc8, 0x81, 0x00],
})) {
  test(`a length is longer than it has to be: ${what}`, () => {
    assert.equal(new MessageLengths(MOST_BYTES).read(Uint8Array.from(bytes)), null)
  })
}
