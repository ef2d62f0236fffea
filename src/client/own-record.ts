import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import type { Multiaddr } from '@multiformats/multiaddr'

import { isWebRtc, relayOf } from './addresses.ts'

/** Addresses in one record: a relay has a few, each with and without WebRTC. */
const LIMIT_ADDRESSES = 12

/** What another page signed about itself. */
export interface PageRecord {
  readonly peerId: string
  readonly seq: bigint
  /** Peer IDs of the nodes that it says it can be reached through. */
  readonly relays: readonly string[]
  readonly hasWebRtc: boolean
}

/** Signs where this client can be reached. @returns a RecordEnvelope */
export async function sealOwnRecord(
  peerId: PeerId,
  privateKey: PrivateKey,
  addresses: readonly Multiaddr[],
): Promise<Uint8Array> {
  // Those with WebRTC first: it is them that others look for.
  const ordered = [...addresses].sort((a, b) => Number(isWebRtc(b)) - Number(isWebRtc(a)))
  const record = new PeerRecord({ peerId, multiaddrs: ordered.slice(0, LIMIT_ADDRESSES) })
  return (await RecordEnvelope.seal(record, privateKey)).marshal()
}

/** @returns null for what its subject did not sign, or that is no record */
export async function openPageRecord(envelope: Uint8Array): Promise<PageRecord | null> {
  try {
    const opened = RecordEnvelope.createFromProtobuf(envelope)
    // As nodes do: a signature of another key may take tens of times as long to check, and its author chooses.
    if (opened.publicKey.type !== 'Ed25519') return null
    if (!(await opened.validate(PeerRecord.DOMAIN))) return null
    const record = PeerRecord.createFromProtobuf(opened.payload)
    if (!peerIdFromPublicKey(opened.publicKey).equals(record.peerId)) return null
    const relays = record.multiaddrs.map(relayOf).filter((relay) => relay !== null)
    return {
      peerId: record.peerId.toString(),
      seq: record.seqNumber,
      relays: [...new Set(relays)],
      hasWebRtc: record.multiaddrs.some(isWebRtc),
    }
  } catch {
    return null
  }
}
