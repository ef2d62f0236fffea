import {
  answerHeader,
  encodeTransferRequest,
  FIRST_LIMIT,
  NEXT_PAGE,
} from '../../../src/registry/replication/log-transfer.ts'
import { carSection } from '../../../src/registry/store/car.ts'
import { hashOf } from '../../../src/registry/store/entry-codec.ts'
import { LogSketch } from '../../../src/registry/store/log-sketch.ts'
import { bytesField, framed, numberField } from '../bitswap-message.ts'
import { forgeEntry } from '../registry.ts'
import { makeForgery } from '../soak/forgeries.ts'
import type { Maker, MessageFacts } from './maker.ts'
import { bend, concat } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** CIDv1, dag-cbor, sha2-256, 32 bytes: what the digest follows. */
const NAME_PREFIX = Uint8Array.of(1, 0x71, 0x12, 32)

const HEADS = /^\/orbitdb\/heads(?=\/)/

/** Messages of the registry's protocols that are right up to a point. */
export const REGISTRY_MAKERS: readonly Maker[] = [
  // Entries one after the other.
  {
    of: HEADS,
    make: (random, facts, protocol) => {
      const log = random.chance(0.9) ? protocol.replace(HEADS, '') : random.pick(facts.logs)
      return concat(...makeEntries(random, facts, log))
    },
  },
  // Log transfer: what an asker sends, what it is answered.
  {
    of: /\/blocks\/1\.0\.0$/,
    make: (random, facts) =>
      random.chance(0.6) ? makeRequest(random, facts) : makeAnswer(random, facts),
  },
  // Wants, blocks with what their names begin with, presences, a number.
  {
    of: /\/bitswap\//,
    make: (random, facts) =>
      framed(
        bytesField(
          1,
          ...times(random, 8, () => makeWant(random)),
          numberField(2, random.int(0, 1)),
        ),
        ...times(random, 3, () => makeBlock(random, facts)),
        ...times(random, 4, () =>
          bytesField(4, bytesField(1, makeName(random)), numberField(2, random.int(0, 3))),
        ),
        numberField(5, random.pick([0, 1, 2 ** 31])),
      ),
  },
]

/** An entry of a log that its author may write, one that breaks a rule, or either of them bent. */
export function makeEntry(random: SeededRandom, facts: MessageFacts, log: string): Uint8Array {
  const entry = random.chance(0.6)
    ? makeRightEntry(random, facts, log)
    : makeForgery(facts.identity, log, random)
  return random.chance(0.1) ? bend(random, entry) : entry
}

/** It deletes, which is right in any log, and may follow entries that nobody has. */
function makeRightEntry(random: SeededRandom, { identity }: MessageFacts, log: string): Uint8Array {
  const key = `${identity.peerId}/fuzz-${random.int(0, 40)}`
  const next = times(random, 2, () => hashOf(random.bytes(8)))
  const signed = { payload: { op: 'DEL', key, value: null }, next: random.chance(0.5) ? next : [] }
  return forgeEntry({ identity, address: log, signed }).bytes
}

/** A wrong one ends all, so that half of the time there is none. */
function makeEntries(random: SeededRandom, facts: MessageFacts, log: string): Uint8Array[] {
  const make = random.chance(0.5) ? makeRightEntry : makeEntry
  return Array.from({ length: random.int(1, 8) }, () => make(random, facts, log))
}

function makeRequest(random: SeededRandom, { logs }: MessageFacts): Uint8Array {
  const names = (most: number) => times(random, most, () => hashOf(random.bytes(8)))
  const sketch = LogSketch.decode(random.bytes(8 + 4 * 2 ** random.int(4, 11)))
  const request = encodeTransferRequest({
    log: random.chance(0.9) ? random.pick(logs) : '/orbitdb/zdpuAwrong',
    have: names(70),
    want: names(34),
    first: random.pick([0, 1, FIRST_LIMIT, FIRST_LIMIT + 1]),
    sketch: random.chance(0.5) ? sketch : null,
    after: random.chance(0.3) ? hashOf(random.bytes(8)) : null,
  })
  return concat(request, ...times(random, 4, () => NEXT_PAGE))
}

function makeAnswer(random: SeededRandom, facts: MessageFacts): Uint8Array {
  const log = random.pick(facts.logs)
  const sections = makeEntries(random, facts, log).map((entry) =>
    random.chance(0.9) ? carSection(entry) : carSection(entry, makeName(random)),
  )
  return concat(answerHeader(log), ...sections)
}

function makeName(random: SeededRandom): Uint8Array {
  return random.chance(0.8)
    ? concat(NAME_PREFIX, random.bytes(32))
    : random.bytes(random.int(0, 70))
}

function makeWant(random: SeededRandom): Uint8Array {
  return bytesField(
    1,
    bytesField(1, makeName(random)),
    numberField(2, random.pick([0, 1, 2 ** 31])),
    ...[3, 4, 5].map((field) => numberField(field, random.int(0, 1))),
  )
}

function makeBlock(random: SeededRandom, facts: MessageFacts): Uint8Array {
  const prefix = random.chance(0.8) ? NAME_PREFIX : random.bytes(random.int(0, 20))
  const entry = makeEntry(random, facts, random.pick(facts.logs))
  return bytesField(3, bytesField(1, prefix), bytesField(2, entry))
}

function times<T>(random: SeededRandom, most: number, make: () => T): T[] {
  return Array.from({ length: random.int(0, most) }, make)
}
