import { createHash } from 'node:crypto'

import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'

import { BoundedMap } from '../../lib/bounded-map.ts'
import { escapeRemote } from '../../lib/text.ts'
import { Turns } from '../guards/turns.ts'
import { LIMIT_ENVELOPE_BYTES } from './peer-exchange-codec.ts'

const LIMIT_ADDRESSES = 16

/** What a peer said about itself, signed by its own key. */
export interface VerifiedPeerRecord {
  readonly peerId: string
  /** Grows with each version that the peer signs. */
  readonly seq: bigint
  /** Multiaddrs as signed, the first 16. */
  readonly addresses: readonly string[]
}

/** Envelopes opened lately: each of twelve neighbours passes the same ones on, every few minutes. */
const LIMIT_OPENED = 2048

/** An envelope is not what it claims to be; `message` in our words. */
export class PeerRecordError extends Error {
  override readonly name = 'PeerRecordError'
  readonly code = 'PEER_RECORD_INVALID'
}

/**
 * Opens envelopes, and knows again those that it opened before, since each costs a signature check; those that
 * came at once are checked in turns.
 */
export class PeerRecordVerifier {
  readonly #turns = new Turns()
  readonly #opened = new BoundedMap<string, VerifiedPeerRecord>({ limit: LIMIT_OPENED })

  /** @throws PeerRecordError */
  async verify(envelope: Uint8Array): Promise<VerifiedPeerRecord> {
    if (envelope.length > LIMIT_ENVELOPE_BYTES)
      throw new PeerRecordError('the envelope is too large')
    const digest = createHash('sha256').update(envelope).digest('base64')
    const known = this.#opened.get(digest)
    if (known !== undefined) return known
    const turn = this.#turns.take()
    if (turn !== null) await turn
    const record = await verifyPeerRecord(envelope)
    this.#opened.set(digest, record)
    return record
  }
}

/**
 * Opens a libp2p RecordEnvelope (libp2p specs RFC 0002, 0003) and checks that the
 * signature holds and the signer is the peer that the record is about. Keys of peers are Ed25519: with
 * @libp2p/crypto 5.1 a signature takes 0.2 ms to check, that of another key up to 10 ms, and it is the sender who
 * chooses. That can go when the library bounds what a key costs. @throws PeerRecordError
 */
export async function verifyPeerRecord(envelope: Uint8Array): Promise<VerifiedPeerRecord> {
  try {
    const opened = RecordEnvelope.createFromProtobuf(envelope)
    if (opened.publicKey.type !== 'Ed25519') throw new PeerRecordError('the key is no Ed25519 key')
    if (!(await opened.validate(PeerRecord.DOMAIN))) {
      throw new PeerRecordError('the signature does not hold')
    }
    if (!Buffer.from(opened.payloadType).equals(PeerRecord.CODEC)) {
      throw new PeerRecordError('the envelope holds no peer record')
    }
    const record = PeerRecord.createFromProtobuf(opened.payload)
    const signer = peerIdFromPublicKey(opened.publicKey).toString()
    const peerId = record.peerId.toString()
    if (signer !== peerId) throw new PeerRecordError('signed by somebody else')
    const addresses = record.multiaddrs.slice(0, LIMIT_ADDRESSES).map((one) => one.toString())
    return { peerId, seq: record.seqNumber, addresses }
  } catch (cause) {
    if (cause instanceof PeerRecordError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PeerRecordError(escapeRemote(reason), { cause })
  }
}
