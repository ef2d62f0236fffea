import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { HeldBytes } from '../../../../../src/network/relay/circuits/held-bytes.ts'

describe('held bytes', () => {
  it('come out as they went in, in parts of any size', () => {
    const held = new HeldBytes()
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 253)
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3) % 5_003) {
      held.append([bytes.subarray(at, at + size)])
    }
    assert.equal(held.size, 100_000)
    const out: Uint8Array[] = []
    while (held.size > 0) out.push(held.take(7_777).subarray())
    assert.deepEqual(new Uint8Array(Buffer.concat(out)), bytes)
    assert.equal(held.take(1).byteLength, 0)
  })

  it('take no memory but their own for single bytes', () => {
    const held = new HeldBytes()
    for (let i = 0; i < 131_072; i += 1) held.append([new Uint8Array(4_096).subarray(0, 1)])
    assert.equal(held.size, 131_072)
    const blocks = new Set([...held.take(131_072)].map(({ buffer }) => buffer))
    const bytes = [...blocks].reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.ok(bytes <= 2 * 131_072, `${bytes} bytes of buffers`)
  })

  it('that were taken do not change with what comes after them', () => {
    const held = new HeldBytes()
    held.append([Uint8Array.of(1, 2, 3)])
    const taken = held.take(2)
    held.append([Uint8Array.of(4, 5)])
    assert.deepEqual([...taken.subarray()], [1, 2])
    assert.deepEqual([...held.take(9).subarray()], [3, 4, 5])
    held.append([Uint8Array.of(6)])
    held.clear()
    assert.equal(held.size, 0)
  })
})
