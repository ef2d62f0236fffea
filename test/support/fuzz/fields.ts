import { concat, varint, withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** No field at all. */
export const none = new Uint8Array()

export function number(field: number, value: number): Uint8Array {
  return concat(varint(field * 8), varint(value))
}

export function bytes(field: number, value: Uint8Array): Uint8Array {
  return concat(varint(field * 8 + 2), withLength(value))
}

export function nonce(field: number, random: SeededRandom): Uint8Array {
  return concat(varint(field * 8 + 1), random.bytes(8))
}

/** A peer with an ID that nobody has, or with no ID at all. */
export function peer(random: SeededRandom): Uint8Array {
  const id = concat(Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), random.bytes(32))
  return concat(bytes(1, random.chance(0.8) ? id : random.bytes(5)), bytes(2, address(random)))
}

/** IPv4 or IPv6 with a port, a relayed one, a name, or bytes that are none. */
export function address(random: SeededRandom): Uint8Array {
  const port = [0x06, random.int(0, 255), random.int(0, 255)]
  return random.pick([
    () => Uint8Array.from([0x04, 127, 0, 0, random.int(1, 3), ...port]),
    () => concat(Uint8Array.from([0x29]), random.bytes(16), Uint8Array.from(port)),
    () => Uint8Array.from([0x04, 127, 0, 0, 1, ...port, 0xa2, 0x02]),
    () => concat(Uint8Array.from([0x36]), withLength(text('localhost')), Uint8Array.from(port)),
    () => random.bytes(random.int(0, 30)),
  ])()
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}
