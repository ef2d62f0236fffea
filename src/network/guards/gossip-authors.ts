/** Who signed a message, as it says itself. */
export interface GossipAuthor {
  /** Multihash of its peer ID. */
  readonly from?: Uint8Array
  /** Protobuf of its public key, which need not be told when the peer ID holds it. */
  readonly key?: Uint8Array
}

/** Before the 32 bytes of an Ed25519 key in its protobuf (libp2p specs, peer IDs). */
const ED25519_KEY = Buffer.from([0x08, 0x01, 0x12, 0x20])
/** The same in a peer ID: a multihash that is the protobuf itself, of 36 bytes. */
const ED25519_PEER_ID = Buffer.from([0x00, 0x24, ...ED25519_KEY])
const RAW_KEY_BYTES = 32

/**
 * Whether a message says that an Ed25519 key signed it, as every station's does. @libp2p/gossipsub 17.1 checks
 * a signature of any key of @libp2p/crypto 5.1, in one go: secp256k1 takes 3 ms of processor time and RSA, whose
 * exponent may be as long as the key, 10 ms, where our rates are meant for the 0.2 ms of Ed25519. Can go when
 * gossipsub can be told which keys to take.
 */
export function hasEd25519Author({ from, key }: GossipAuthor): boolean {
  if (from === undefined || !isPrefixed(from, ED25519_PEER_ID)) return false
  return key === undefined || isPrefixed(key, ED25519_KEY)
}

function isPrefixed(bytes: Uint8Array, prefix: Buffer): boolean {
  if (bytes.byteLength !== prefix.byteLength + RAW_KEY_BYTES) return false
  return prefix.equals(bytes.subarray(0, prefix.byteLength))
}
