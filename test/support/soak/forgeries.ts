import type { Identity } from '../../../src/identity/index.ts'
import { encodeValue, hashOf } from '../../../src/registry/store/entry-codec.ts'
import { makePayload } from '../fuzz/payloads.ts'
import type { SeededRandom } from '../fuzz/random.ts'
import { forgeEntry } from '../registry.ts'

const VICTIM = '12D3KooWGRUfTDUKWyqE5ZCBbEzLcwrPX8NjaL4qqW5rnwX5wqBQ'
const HOUR_MS = 3_600_000

interface Forging {
  readonly identity: Identity
  readonly address: string
  readonly random: SeededRandom
}

type Forge = (forging: Forging) => Uint8Array

const FORGERIES: readonly Forge[] = [
  // Somebody else's name over our key.
  ({ identity, address }) =>
    forgeEntry({ identity, address, unsigned: { identity: VICTIM } }).bytes,
  // Somebody else's record.
  ({ identity, address }) =>
    forgeEntry({
      identity,
      address,
      signed: { payload: { op: 'DEL', key: `${VICTIM}/soak-1`, value: null } },
    }).bytes,
  // Changed after it was signed.
  ({ identity, address, random }) => {
    const { fields } = forgeEntry({ identity, address })
    return encodeValue({ ...fields, sig: Buffer.from(random.bytes(64)).toString('hex') })
  },
  // Built on what nobody has.
  ({ identity, address, random }) => {
    const next = Array.from({ length: random.int(1, 32) }, () => hashOf(random.bytes(32)))
    return forgeEntry({ identity, address, signed: { next } }).bytes
  },
  // From tomorrow.
  ({ identity, address }) => {
    const clock = { id: identity.peerId, time: Date.now() + 24 * HOUR_MS }
    return forgeEntry({ identity, address, signed: { clock } }).bytes
  },
  // A clock that is no number.
  ({ identity, address }) =>
    forgeEntry({ identity, address, signed: { clock: { id: identity.peerId, time: 'now' } } })
      .bytes,
  // Fields that do not belong there.
  ({ identity, address }) => forgeEntry({ identity, address, unsigned: { _payload: 1 } }).bytes,
  // No record of this database.
  ({ identity, address, random }) =>
    forgeEntry({ identity, address, value: { ingester_id: random.int(0, 9) } }).bytes,
  // Of another log.
  ({ identity }) => forgeEntry({ identity, address: '/orbitdb/zdpuAwrong' }).bytes,
  // No entry.
  ({ random }) => makePayload(random),
]

/** Bytes that no station takes into its registry. */
export function makeForgery(identity: Identity, address: string, random: SeededRandom): Uint8Array {
  return random.pick(FORGERIES)({ identity, address, random })
}
