import { concat, makePayload, varint, withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/**
 * Messages of protocols that answer to their first field alone: right up to a point that is picked anew
 * each time, so that what lies behind that field is reached too.
 */
export function makeMessage(protocol: string, random: SeededRandom): Uint8Array {
  const found = MAKERS.find(({ of }) => of.test(protocol))
  return found === undefined || random.chance(0.3) ? makePayload(random) : found.make(random)
}

const MAKERS: readonly { readonly of: RegExp; make(random: SeededRandom): Uint8Array }[] = [
  // HopMessage: RESERVE, CONNECT, STATUS; a peer; a reservation; a limit; a status.
  {
    of: /relay\/0\.2\.0\/hop$/,
    make: (random) =>
      withLength(
        concat(
          number(1, random.int(0, 3)),
          bytes(2, peer(random)),
          random.chance(0.3) ? bytes(3, random.bytes(30)) : none,
          random.chance(0.3) ? number(5, random.pick([0, 100, 200, 400, 2 ** 40])) : none,
        ),
      ),
  },
  // StopMessage: CONNECT, STATUS; a peer; a limit.
  {
    of: /relay\/0\.2\.0\/stop$/,
    make: (random) =>
      concat(
        withLength(
          concat(
            number(1, random.int(0, 2)),
            bytes(2, peer(random)),
            bytes(3, concat(number(1, 2 ** 33), number(2, random.pick([0, 1, 2 ** 50])))),
          ),
        ),
        random.bytes(random.int(0, 100)),
      ),
  },
  // HolePunch: CONNECT 100 with addresses, SYNC 300.
  {
    of: /\/dcutr$/,
    make: (random) =>
      withLength(
        concat(
          number(1, random.pick([100, 300, 0])),
          ...Array.from({ length: random.int(0, 40) }, () => bytes(2, address(random))),
        ),
      ),
  },
  // Message of AutoNAT v2: a dial request; a dial-back is a nonce alone.
  {
    of: /\/dial-request$/,
    make: (random) =>
      withLength(
        bytes(
          1,
          concat(
            ...Array.from({ length: random.int(0, 30) }, () => bytes(1, address(random))),
            nonce(2, random),
          ),
        ),
      ),
  },
  { of: /\/dial-back$/, make: (random) => withLength(nonce(1, random)) },
  // Identify: addresses, protocols, key, agent, a signed record that is none.
  {
    of: /\/id\/(push\/)?1\.0\.0$/,
    make: (random) =>
      withLength(
        concat(
          bytes(1, random.bytes(random.pick([0, 36, 2000]))),
          ...Array.from({ length: random.int(0, 60) }, () => bytes(2, address(random))),
          ...Array.from({ length: random.int(0, 60) }, () =>
            bytes(3, text(random.pick(['/x', '__proto__', 'é'.repeat(300), '']))),
          ),
          bytes(6, text('\u001b[2J\n'.repeat(random.int(0, 40)))),
          bytes(8, random.bytes(random.int(0, 300))),
        ),
      ),
  },
  // FIND_NODE and the rest of the DHT, with keys of any length and peers.
  {
    of: /\/kad\/1\.0\.0$/,
    make: (random) =>
      withLength(
        concat(
          number(1, random.int(0, 6)),
          bytes(
            2,
            random.pick([random.bytes(32), text('/constructor/x'), random.bytes(600), none]),
          ),
          ...Array.from({ length: random.int(0, 8) }, () => bytes(8, bytes(1, random.bytes(38)))),
        ),
      ),
  },
]

const none = new Uint8Array()

function number(field: number, value: number): Uint8Array {
  return concat(varint(field * 8), varint(value))
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return concat(varint(field * 8 + 2), withLength(value))
}

function nonce(field: number, random: SeededRandom): Uint8Array {
  return concat(varint(field * 8 + 1), random.bytes(8))
}

function peer(random: SeededRandom): Uint8Array {
  const id = concat(Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), random.bytes(32))
  return concat(bytes(1, random.chance(0.8) ? id : random.bytes(5)), bytes(2, address(random)))
}

/** IPv4 or IPv6 with a port, a relayed one, a name, or bytes that are none. */
function address(random: SeededRandom): Uint8Array {
  const port = [0x06, random.int(0, 255), random.int(0, 255)]
  return random.pick([
    () => Uint8Array.from([0x04, 127, 0, 0, random.int(1, 3), ...port]),
    () => concat(Uint8Array.from([0x29]), random.bytes(16), Uint8Array.from(port)),
    () => Uint8Array.from([0x04, 127, 0, 0, 1, ...port, 0xa2, 0x02]),
    () => concat(Uint8Array.from([0x36]), withLength(text('localhost')), Uint8Array.from(port)),
    () => random.bytes(random.int(0, 30)),
  ])()
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}
