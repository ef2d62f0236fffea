import { encode } from '@ipld/dag-cbor'

import type { SeededRandom } from './random.ts'

/** Bytes that no reader expects: of the right outer shape and wrong inside, cut, bent, or of no shape. */
export function makePayload(random: SeededRandom): Uint8Array {
  const shape = random.pick(SHAPES)
  const bytes = shape(random)
  return random.chance(0.4) ? bend(random, bytes) : bytes
}

/** Cuts, flips, repeats or stretches. */
export function bend(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  switch (random.int(0, 3)) {
    case 0:
      return bytes.subarray(0, random.int(0, bytes.length))
    case 1: {
      const bent = Uint8Array.from(bytes)
      for (let i = random.int(1, 4); i > 0 && bent.length > 0; i -= 1) {
        const at = random.int(0, bent.length - 1)
        bent[at] = (bent[at] ?? 0) ^ (1 << random.int(0, 7))
      }
      return bent
    }
    case 2:
      return concat(bytes, bytes, random.bytes(random.int(0, 8)))
    default:
      return concat(random.bytes(random.int(1, 4)), bytes)
  }
}

export function withLength(bytes: Uint8Array, length = bytes.length): Uint8Array {
  return concat(varint(length), bytes)
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Uint8Array.from([...bytes, rest])
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

const SHAPES: readonly ((random: SeededRandom) => Uint8Array)[] = [
  (random) => random.bytes(random.int(0, 600)),
  (random) => withLength(random.bytes(random.int(0, 300))),
  (random) => withLength(makeProtobuf(random, 0)),
  (random) => withLength(makeProtobuf(random, 0), random.pick([0, 1, 127, 4096, 2 ** 21, 2 ** 31])),
  (random) => concat(withLength(makeProtobuf(random, 0)), withLength(makeProtobuf(random, 0))),
  (random) => encode(makeValue(random, 0)),
  (random) => concat(encode(makeValue(random, 0)), encode(makeValue(random, 0))),
  (random) => withLength(encode(makeValue(random, 0))),
  (random) => new Uint8Array(random.int(1, 2000)).fill(random.pick([0, 0xff, 0x80, 0x9f, 0xa0])),
  (random) => concat(Uint8Array.from([0x9b, 0x7f]), random.bytes(9)),
]

/** Fields with small numbers, as messages have them, of any wire type. */
function makeProtobuf(random: SeededRandom, depth: number): Uint8Array {
  const fields: Uint8Array[] = []
  for (let i = random.int(0, 6); i > 0; i -= 1) {
    const number = random.chance(0.9) ? random.int(1, 12) : random.int(13, 3000)
    const wireType = random.pick([0, 0, 2, 2, 2, 1, 5, 3, 4, 7])
    fields.push(varint(number * 8 + wireType))
    if (wireType === 0) fields.push(varint(random.pick([0, 1, 2, 5, 100, 2 ** 31, 2 ** 52])))
    if (wireType === 1) fields.push(random.bytes(8))
    if (wireType === 5) fields.push(random.bytes(4))
    if (wireType === 2) {
      const isNested = depth < 3 && random.chance(0.5)
      fields.push(withLength(isNested ? makeProtobuf(random, depth + 1) : makeBlob(random)))
    }
  }
  return concat(...fields)
}

/** A peer ID, an address or neither. */
function makeBlob(random: SeededRandom): Uint8Array {
  return random.pick([
    () => concat(Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), random.bytes(32)),
    () => Uint8Array.from([0x04, 127, 0, 0, 1, 0x06, 0x0f, 0xa2]),
    () => new TextEncoder().encode(random.pick(['__proto__', 'constructor', '/p2p-circuit', ''])),
    () => random.bytes(random.int(0, 80)),
  ])()
}

/** What requests of ours look like, with wrong kinds, names and sizes. */
function makeValue(random: SeededRandom, depth: number): unknown {
  const scalar = () =>
    random.pick<unknown>([
      null,
      true,
      0,
      -1,
      2 ** 53 - 1,
      1.5,
      '',
      '__proto__',
      'zdpuAwEx6cYy7KPTLka2mCJyzzT8u1dBgAv5MBUQsXW9Pz56F',
      random.bytes(random.int(0, 64)),
    ])
  if (depth > 2 || random.chance(0.3)) return scalar()
  if (random.chance(0.4)) {
    return Array.from({ length: random.int(0, 40) }, () => makeValue(random, depth + 1))
  }
  const names = ['n', 'p', 'w', 'log', 'have', 'want', 'v', 'id', 'key', 'payload', 'clock', 'sig']
  const fields = Array.from({ length: random.int(0, 9) }, () => random.pick(names))
  return Object.fromEntries(fields.map((name) => [name, makeValue(random, depth + 1)]))
}
