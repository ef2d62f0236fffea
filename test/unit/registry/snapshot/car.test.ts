import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  type CarBlock,
  type CarLimits,
  carHead,
  carSection,
  readCar,
} from '../../../../src/registry/snapshot/car.ts'
import { encodeValue, hashOf } from '../../../../src/registry/store/entry-codec.ts'

const LIMITS: CarLimits = { blockBytes: 1000, rootBytes: 1000, blocks: 4 }
const ROOT = encodeValue({ a: 'root' })
const BLOCKS = [{ b: 1 }, { b: 'x'.repeat(300) }, { b: 3 }].map(encodeValue)

const section = (bytes: Uint8Array) => carSection(hashOf(bytes), bytes)
const FILE = Buffer.concat([carHead(ROOT), ...BLOCKS.map(section)])

async function read(bytes: Uint8Array, size = bytes.length, limits = LIMITS): Promise<CarBlock[]> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const blocks: CarBlock[] = []
  for await (const block of readCar(chunks(), limits)) blocks.push(block)
  return blocks
}

test('what is written is read again, wherever the chunks end', async () => {
  for (const size of [1, 2, 7, 36, 37, 300, FILE.length]) {
    const blocks = await read(FILE, size)
    assert.deepEqual(
      blocks.map(({ bytes }) => Buffer.from(bytes)),
      [ROOT, ...BLOCKS].map((bytes) => Buffer.from(bytes)),
    )
    assert.ok(blocks.every(({ hash, bytes, isIntact }) => isIntact && hash === hashOf(bytes)))
  }
})

test('a file cut off anywhere but between two blocks is refused', async () => {
  const ends = new Set<number>()
  let end = carHead(ROOT).length
  ends.add(end)
  for (const block of BLOCKS) {
    end += section(block).length
    ends.add(end)
  }
  for (let length = 0; length < FILE.length; length += 1) {
    const cut = FILE.subarray(0, length)
    if (ends.has(length)) assert.ok((await read(cut)).length > 0)
    else await assert.rejects(read(cut), { code: 'MALFORMED' }, `${length} bytes`)
  }
})

test('no changed bit of a file goes unnoticed', async () => {
  const good = JSON.stringify(await read(FILE))
  for (let at = 0; at < FILE.length; at += 1) {
    const changed = Buffer.from(FILE)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    const blocks = await read(changed).catch((error: unknown) => error)
    const isNoticed = !Array.isArray(blocks) || blocks.some(({ isIntact }: CarBlock) => !isIntact)
    assert.ok(isNoticed, `byte ${at}`)
    assert.notEqual(JSON.stringify(blocks), good)
  }
})

for (const [what, limits] of [
  ['a block', { ...LIMITS, blockBytes: 299 }],
  ['the root', { ...LIMITS, rootBytes: 7 }],
  ['their number', { ...LIMITS, blocks: 3 }],
] as const) {
  test(`${what} beyond the limit is refused before it is taken in`, async () => {
    await assert.rejects(read(FILE, FILE.length, limits), { code: 'MALFORMED' })
  })
}

test('a length of four gigabytes is refused at its length', async () => {
  const bytes = Buffer.concat([carHead(ROOT), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])])
  await assert.rejects(read(bytes), { code: 'MALFORMED' })
})

test('a first block that is not the root, and a name of another kind, are refused', async () => {
  const head = carHead(ROOT)
  const other = Buffer.concat([
    head.subarray(0, head.length - section(ROOT).length),
    section(BLOCKS[0] ?? ROOT),
  ])
  await assert.rejects(read(other), { code: 'MALFORMED' })
  const name = Buffer.from(FILE)
  name[head.length + 2] = 0x55
  await assert.rejects(read(name), { code: 'MALFORMED' })
})
