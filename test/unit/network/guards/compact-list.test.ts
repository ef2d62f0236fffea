import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { describe, it } from 'node:test'
import { Uint8ArrayList } from 'uint8arraylist'

import { keepCompact } from '../../../../src/network/guards/compact-list.ts'
import { longestBlock } from '../../../support/event-loop.ts'

const KIB = 1024

describe('a list that is kept compact', () => {
  it('gives the same bytes in the same order, however they come and are taken', () => {
    for (const most of [1, 2, 70, 3_000, 9_000]) {
      const list = compactList()
      const sent = randomBytes(Math.min(256 * KIB, most * 5_000))
      const taken: Uint8Array[] = []
      for (let offset = 0; offset < sent.byteLength; ) {
        const end = offset + randomInt(most + 1)
        const half = offset + Math.floor((end - offset) / 2)
        const parts = [sent.subarray(offset, half), sent.subarray(half, end)] as const
        list.append(...(randomInt(2) === 0 ? parts : [new Uint8ArrayList(...parts)]))
        offset = end
        if (randomInt(500) !== 0) continue
        const bytes = randomInt(list.byteLength + 1)
        taken.push(list.subarray(0, bytes))
        list.consume(bytes)
      }
      taken.push(list.subarray())
      assert.ok(Buffer.concat(taken).equals(sent), `chunks of up to ${most} bytes`)
    }
  })

  it('leaves what was taken from it as it was', () => {
    const list = compactList()
    for (let i = 0; i < 100; i += 1) list.append(Uint8Array.of(i))
    const taken = list.sublist(10, 100)
    list.consume(50)
    for (let i = 100; i < 1_000; i += 1) list.append(Uint8Array.of(i))
    assert.deepEqual(
      [...taken.subarray()],
      [...Array(90).keys()].map((i) => i + 10),
    )
  })

  it('has few chunks, of whatever lengths they come', () => {
    const lengths: Record<string, (i: number) => number> = {
      'of one byte': () => 1,
      'of nothing': (i) => i % 2,
      'ever shorter': (i) => 2_048 - (i % 2_048),
      'half as long each': (i) => 2_048 >> (i % 12),
      'long and short': (i) => (i % 2 === 0 ? 1 : 2_000),
      'that just do not fit together': (i) => (i % 2 === 0 ? 1 : 4_096),
    }
    for (const [name, lengthOf] of Object.entries(lengths)) {
      const list = compactList()
      for (let i = 0; list.byteLength < KIB * KIB; i += 1) list.append(new Uint8Array(lengthOf(i)))
      const chunks = [...list].length
      assert.ok(chunks < 4_000, `${chunks} chunks ${name}`)
    }
  })

  it('copies no long chunk', () => {
    const list = compactList()
    const chunks = Array.from({ length: 200 }, () => new Uint8Array(8 * KIB))
    list.append(...chunks)
    assert.ok([...list].every((chunk, i) => chunk === chunks[i]))
  })

  it('keeps nothing of the buffers in which short chunks came', () => {
    const list = compactList()
    for (let i = 0; i < 50; i += 1) list.append(Buffer.alloc(64 * KIB).subarray(i, i + 16))
    const kept = [...list].reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
    assert.ok(kept < 2 * list.byteLength, `${kept} bytes are kept for ${list.byteLength}`)
  })

  it('is read in no time when it came byte by byte', async () => {
    const list = compactList()
    const ms = await longestBlock(async () => {
      for (let i = 0; i < 256 * KIB; i += 1) list.append(Uint8Array.of(i))
      // One byte is left: the library goes through the chunks one by one.
      list.consume(list.byteLength - 1)
    })
    assert.equal(list.byteLength, 1)
    assert.ok(ms < 200, `${ms} ms`)
  })
})

function compactList(): Uint8ArrayList {
  const list = new Uint8ArrayList()
  keepCompact(list)
  return list
}
