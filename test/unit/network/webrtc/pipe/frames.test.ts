import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  FRAME,
  type FrameKind,
  FrameReader,
  frameHead,
} from '../../../../../src/network/webrtc/pipe/frames.ts'
import { SeededRandom } from '../../../../support/fuzz/random.ts'

function frame(kind: FrameKind, connection: number, payload = Buffer.alloc(0)): Buffer {
  return Buffer.concat([frameHead(kind, connection, payload.length), payload])
}

/** What was read: data joined by connection, all else one by one. */
function collector() {
  const data = new Map<number, Buffer>()
  const others: string[] = []
  const reader = new FrameReader((kind, connection, payload) => {
    if (kind !== FRAME.data) others.push(`${kind} ${connection} ${Buffer.from(payload)}`)
    else data.set(connection, Buffer.concat([data.get(connection) ?? Buffer.alloc(0), payload]))
  })
  return { reader, data, others }
}

test('frames are read the same, however they are cut', () => {
  const bytes = Buffer.concat([
    frame(FRAME.open, 1, Buffer.from('who')),
    frame(FRAME.accept, 1),
    frame(FRAME.word, 0, Buffer.from('"beat"')),
    frame(FRAME.data, 1, Buffer.alloc(3_000, 'a')),
    frame(FRAME.data, 2, Buffer.alloc(1, 'b')),
    frame(FRAME.data, 2),
    frame(FRAME.data, 1, Buffer.alloc(20, 'c')),
    frame(FRAME.reset, 2),
    frame(FRAME.close, 1),
  ])
  for (let seed = 0; seed < 200; seed++) {
    const random = new SeededRandom(seed)
    const { reader, data, others } = collector()
    for (let at = 0; at < bytes.length; ) {
      const end = at + random.int(1, seed % 2 === 0 ? 12 : 2_000)
      reader.read(bytes.subarray(at, end))
      at = end
    }
    assert.deepEqual(others, ['1 1 who', '2 1 ', '0 0 "beat"', '5 2 ', '4 1 '])
    assert.equal(String(data.get(1)), 'a'.repeat(3_000) + 'c'.repeat(20))
    assert.equal(String(data.get(2)), 'b')
  }
})

test('what is kept of a frame keeps nothing else', () => {
  const kept: Uint8Array[] = []
  const reader = new FrameReader((_kind, _connection, payload) => kept.push(payload))
  reader.read(Buffer.concat([frame(FRAME.data, 1, Buffer.alloc(16)), Buffer.alloc(0)]))
  assert.deepEqual(
    kept.map(({ buffer }) => buffer.byteLength),
    [16],
  )
})

test('a payload that is no data and longer than any is refused before it is gathered', () => {
  const { reader } = collector()
  assert.throws(() => reader.read(frameHead(FRAME.open, 1, 2 ** 31)), RangeError)
})
