import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PeerRecord } from '@libp2p/peer-record'

import type { Identity } from '../../../src/identity/index.ts'
import { address, bytes, number, text } from './fields.ts'
import { bend, concat, withLength } from './payloads.ts'
import type { SeededRandom } from './random.ts'

/** A peer's word on its addresses, signed by it: with any addresses, and bent before or after that now and then. */
export function makeEnvelope(random: SeededRandom, { privateKey, sign }: Identity): Uint8Array {
  const { publicKey } = privateKey
  const record = concat(
    bytes(1, peerIdFromPrivateKey(privateKey).toMultihash().bytes),
    number(2, random.pick([0, 1, Date.now(), 2 ** 52])),
    ...Array.from({ length: random.int(0, 20) }, () => bytes(3, bytes(1, address(random)))),
  )
  const payload = random.chance(0.3) ? bend(random, record) : record
  const signed = concat(
    ...[text(PeerRecord.DOMAIN), PeerRecord.CODEC, payload].map((part) => withLength(part)),
  )
  const envelope = concat(
    bytes(1, publicKeyToProtobuf(publicKey)),
    bytes(2, PeerRecord.CODEC),
    bytes(3, payload),
    bytes(5, sign(signed)),
  )
  return random.chance(0.2) ? bend(random, envelope) : envelope
}
