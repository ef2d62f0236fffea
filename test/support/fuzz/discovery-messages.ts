import { encode } from '@ipld/dag-cbor'

import { encodeReply, encodeRequest } from '../../../src/network/discovery/peer-exchange-codec.ts'
import { encodeNews, encodeOwnRecord } from '../../../src/wire/pages.ts'
import { makeEnvelope } from './envelope.ts'
import type { Maker, MessageFacts } from './maker.ts'
import { withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** How many records are wanted, rightly or not. */
const LIMITS: readonly unknown[] = [0, -1, 1.5, 2 ** 40, null, '1', { n: 1 }]

/** Messages by which peers tell of each other. */
export const DISCOVERY_MAKERS: readonly Maker[] = [
  {
    of: /\/peer-exchange\/1\.0\.0$/,
    make: (random, facts) =>
      random.pick([
        () => encodeRequest({ limit: random.pick([1, 32, 33, 2 ** 31]) }),
        () => withLength(encode({ n: random.pick(LIMITS), x: random.bytes(random.int(0, 100)) })),
        () =>
          encodeReply({
            envelopes: envelopes(random, facts, 33),
            waitSeconds: random.pick([null, 0, 60, -1, 2 ** 50]),
          }),
      ])(),
  },
  {
    of: /\/pages\/1\.0\.0$/,
    make: (random, facts) =>
      random.chance(0.7)
        ? encodeOwnRecord(makeEnvelope(random, facts.identity))
        : encodeNews({ records: envelopes(random, facts, 20), gone: ['', 'x'.repeat(60)] }),
  },
]

function envelopes(random: SeededRandom, facts: MessageFacts, most: number): Uint8Array[] {
  return Array.from({ length: random.int(0, most) }, () => makeEnvelope(random, facts.identity))
}
