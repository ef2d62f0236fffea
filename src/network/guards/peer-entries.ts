import type { PeerData, PeerId, PeerStore } from '@libp2p/interface'

import { Turns } from './turns.ts'

/** Protocols of one peer: a station has forty, and more with each epoch of the registry. */
const PROTOCOLS = 128
/** A network's name has 64, an OrbitDB address as many. */
const PROTOCOL_CHARACTERS = 192
/** What a peer calls itself, and its version. */
const METADATA_BYTES = 256
/** Of its signed record: as much as peer exchange passes on. */
const RECORD_BYTES = 4_096
/** Looked at of those that it tells at once; each costs a look at our dial policy, and few have a place. */
const ADDRESSES = 32

/**
 * Bounds what the peer store keeps of what a peer says of itself, and stores it in turns. @libp2p/identify 4.1 takes
 * 80 KiB of protocols, twenty thousand of them, which @libp2p/peer-store 12 keeps, sorts and encodes with each change,
 * and a signed record of 8 KiB, four times what a peer is meant to take.
 * Can go when either has a limit.
 * @param self whose own entry is left alone
 */
export function boundPeerEntries(
  peerStore: Pick<PeerStore, 'patch' | 'merge'>,
  self: PeerId,
  turns: Pick<Turns, 'take'> = new Turns(),
): void {
  const patch = peerStore.patch.bind(peerStore)
  const merge = peerStore.merge.bind(peerStore)
  peerStore.patch = async (peerId, data, options) => {
    if (self.equals(peerId)) return patch(peerId, data, options)
    const turn = turns.take()
    if (turn !== null) await turn
    return patch(peerId, bounded(data), options)
  }
  peerStore.merge = async (peerId, data, options) =>
    merge(peerId, self.equals(peerId) ? data : bounded(data), options)
}

function bounded(data: PeerData): PeerData {
  const { protocols, metadata, addresses, multiaddrs, peerRecordEnvelope, ...rest } = data
  return {
    ...rest,
    ...(addresses === undefined ? {} : { addresses: addresses.slice(0, ADDRESSES) }),
    ...(multiaddrs === undefined ? {} : { multiaddrs: multiaddrs.slice(0, ADDRESSES) }),
    ...(protocols === undefined
      ? {}
      : { protocols: protocols.filter(isShort).slice(0, PROTOCOLS) }),
    ...(peerRecordEnvelope === undefined || peerRecordEnvelope.byteLength > RECORD_BYTES
      ? {}
      : { peerRecordEnvelope }),
    ...(metadata === undefined ? {} : { metadata: boundedMetadata(metadata) }),
  }
}

const isShort = (protocol: string) => protocol.length <= PROTOCOL_CHARACTERS

type Metadata = NonNullable<PeerData['metadata']>

function boundedMetadata(metadata: Metadata): Metadata {
  const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value?.slice(0, METADATA_BYTES)] as const),
  )
}
