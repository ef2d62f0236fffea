/**
 * What is taken of a DHT's reply (https://github.com/libp2p/specs/blob/master/kad-dht/README.md): peers, each
 * with an ID and addresses. Lengths are looked at before anything is decoded.
 */
import type { PeerInfo } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import * as Digest from 'multiformats/hashes/digest'

import { bytesTag, readFields } from '../relay/hop/protobuf.ts'

export interface DhtReplyLimits {
  /** Bytes of a reply, and of all that comes with it. */
  readonly bytes: number
  /** Peers taken from a reply: a bucket holds no more. */
  readonly peers: number
  /** Addresses taken of each. */
  readonly addresses: number
  /** Bytes of a peer's ID: one that has more is no peer's. */
  readonly idBytes: number
  /** Bytes of an address: one that has more is left out. */
  readonly addressBytes: number
}

/** In the field `closer`. */
const CLOSER = bytesTag(8)
const PEER_ID = bytesTag(1)
const PEER_ADDRESS = bytesTag(2)

/**
 * The peers that a reply names, but for those that are none.
 * @throws WireError for what is no protobuf
 */
export function decodeCloser(reply: Uint8Array, limits: DhtReplyLimits): PeerInfo[] {
  const written: Uint8Array[] = []
  readFields(reply, (tag, value) => {
    if (tag !== CLOSER) return false
    const peer = value.bytes()
    if (written.length < limits.peers) written.push(peer)
    return true
  })
  return written.flatMap((peer) => decodePeer(peer, limits) ?? [])
}

function decodePeer(peer: Uint8Array, limits: DhtReplyLimits): PeerInfo | null {
  let id: Uint8Array = new Uint8Array()
  const addresses: Uint8Array[] = []
  readFields(peer, (tag, value) => {
    if (tag === PEER_ID) id = value.bytes()
    else if (tag === PEER_ADDRESS) {
      const address = value.bytes()
      if (addresses.length < limits.addresses) addresses.push(address)
    } else return false
    return true
  })
  if (id.byteLength > limits.idBytes) return null
  try {
    const multiaddrs = addresses.flatMap((bytes) => decodeAddress(bytes, limits) ?? [])
    return { id: peerIdFromMultihash(Digest.decode(id)), multiaddrs }
  } catch {
    return null
  }
}

function decodeAddress(bytes: Uint8Array, { addressBytes }: DhtReplyLimits): Multiaddr | null {
  if (bytes.byteLength > addressBytes) return null
  try {
    return multiaddr(bytes)
  } catch {
    return null
  }
}
