import { DISCOVERY_MAKERS } from './discovery-messages.ts'
import { makeEnvelope } from './envelope.ts'
import { address, bytes, nonce, none, number, peer, text } from './fields.ts'
import { GOSSIP_MAKERS } from './gossip-messages.ts'
import type { Maker, MessageFacts } from './maker.ts'
import { concat, makePayload, withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import { REGISTRY_MAKERS } from './registry-messages.ts'

/**
 * Messages of protocols that answer to their first field alone: right up to a point that is picked anew
 * each time, so that what lies behind that field is reached too.
 */
export function makeMessage(
  protocol: string,
  random: SeededRandom,
  facts: MessageFacts,
): Uint8Array {
  const found = MAKERS.find(({ of }) => of.test(protocol))
  if (found === undefined || random.chance(0.3)) return makePayload(random)
  return found.make(random, facts, protocol)
}

const MAKERS: readonly Maker[] = [
  ...GOSSIP_MAKERS,
  ...REGISTRY_MAKERS,
  ...DISCOVERY_MAKERS,
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
  // Identify: addresses, protocols, key, agent, a record that is signed or none.
  {
    of: /\/id\/(push\/)?1\.0\.0$/,
    make: (random, { identity }) =>
      withLength(
        concat(
          bytes(1, random.bytes(random.pick([0, 36, 2000]))),
          ...Array.from({ length: random.int(0, 60) }, () => bytes(2, address(random))),
          ...Array.from({ length: random.int(0, 60) }, () =>
            bytes(3, text(random.pick(['/x', '__proto__', 'é'.repeat(300), '']))),
          ),
          bytes(6, text('\u001b[2J\n'.repeat(random.int(0, 40)))),
          bytes(
            8,
            random.chance(0.6) ? makeEnvelope(random, identity) : random.bytes(random.int(0, 300)),
          ),
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
