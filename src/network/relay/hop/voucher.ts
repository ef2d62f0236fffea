import type { PeerId, PrivateKey, Record as SignedRecord } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'

import { FieldWriter } from './protobuf.ts'

const VOUCHER_DOMAIN = 'libp2p-relay-rsvp'
/** Multicodec `libp2p-relay-rsvp`, 0x0302. */
const VOUCHER_CODEC = Uint8Array.of(0x03, 0x02)

export interface Voucher {
  readonly relay: PeerId
  readonly peer: PeerId
  /** Seconds since 1970. */
  readonly expireSeconds: bigint
}

/**
 * The relay's signed word that it relays for a peer, as a signed envelope of libp2p (RFC 0002).
 * @param privateKey the relay's
 */
export async function sealVoucher(voucher: Voucher, privateKey: PrivateKey): Promise<Uint8Array> {
  const envelope = await RecordEnvelope.seal(new VoucherRecord(voucher), privateKey)
  return envelope.marshal()
}

class VoucherRecord implements SignedRecord {
  readonly domain = VOUCHER_DOMAIN
  readonly codec = VOUCHER_CODEC
  readonly #voucher: Voucher

  constructor(voucher: Voucher) {
    this.#voucher = voucher
  }

  marshal(): Uint8Array {
    const { relay, peer, expireSeconds } = this.#voucher
    return new FieldWriter()
      .bytes(1, relay.toMultihash().bytes)
      .bytes(2, peer.toMultihash().bytes)
      .uint64(3, expireSeconds)
      .finish()
  }

  equals(other: SignedRecord): boolean {
    return Buffer.compare(this.marshal(), other.marshal().subarray()) === 0
  }
}
