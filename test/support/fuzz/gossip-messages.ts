import { peerIdFromString } from '@libp2p/peer-id'

import { bytes, none, number, text } from './fields.ts'
import type { Maker, MessageFacts } from './maker.ts'
import { bend, concat, makePayload, withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'
import { makeEntry } from './registry-messages.ts'

/** What the signature of a message is over, before the message itself. */
const SIGNED_PREFIX = text('libp2p-pubsub:')

/** RPCs: subscriptions, messages that are signed as they should be, control messages, on topics of the node mostly. */
export const GOSSIP_MAKERS: readonly Maker[] = [
  {
    of: /^\/meshsub\//,
    make: (random, facts) =>
      withLength(
        concat(
          ...some(random, 3, () => bytes(1, subscription(random, facts))),
          ...some(random, 4, () => bytes(2, message(random, facts))),
          random.chance(0.4) ? bytes(3, control(random, facts)) : none,
        ),
      ),
  },
]

function some(random: SeededRandom, most: number, make: () => Uint8Array): Uint8Array[] {
  return Array.from({ length: random.int(0, most) }, make)
}

function topic(random: SeededRandom, { logs }: MessageFacts): Uint8Array {
  return text(
    random.chance(0.85) ? random.pick(logs) : random.pick(['', '__proto__', 'x'.repeat(500)]),
  )
}

function subscription(random: SeededRandom, facts: MessageFacts): Uint8Array {
  return concat(number(1, random.chance(0.8) ? 1 : 0), bytes(2, topic(random, facts)))
}

function message(random: SeededRandom, facts: MessageFacts): Uint8Array {
  const { identity } = facts
  const data = random.chance(0.7)
    ? makeEntry(random, facts, random.pick(facts.logs))
    : makePayload(random)
  const unsigned = concat(
    bytes(1, peerIdFromString(identity.peerId).toMultihash().bytes),
    bytes(2, data),
    bytes(3, random.bytes(random.chance(0.9) ? 8 : random.int(0, 20))),
    bytes(4, topic(random, facts)),
  )
  const signature = bytes(5, identity.sign(concat(SIGNED_PREFIX, unsigned)))
  const signed = concat(unsigned, random.chance(0.85) ? signature : bytes(5, random.bytes(64)))
  return random.chance(0.15) ? bend(random, signed) : signed
}

/** IHAVE, IWANT, GRAFT, PRUNE with peers to go to instead, IDONTWANT. */
function control(random: SeededRandom, facts: MessageFacts): Uint8Array {
  const ids = (field: number) =>
    some(random, 20, () => bytes(field, random.bytes(random.pick([0, 20, 44]))))
  const about = () => bytes(1, topic(random, facts))
  const other = () => bytes(2, concat(bytes(1, random.bytes(38)), bytes(2, random.bytes(60))))
  return concat(
    ...some(random, 3, () => bytes(1, concat(about(), ...ids(2)))),
    ...some(random, 3, () => bytes(2, concat(...ids(1)))),
    ...some(random, 3, () => bytes(3, about())),
    ...some(random, 3, () =>
      bytes(
        4,
        concat(about(), ...some(random, 5, other), number(3, random.pick([0, 60, 2 ** 50]))),
      ),
    ),
    ...some(random, 2, () => bytes(5, concat(...ids(1)))),
  )
}
