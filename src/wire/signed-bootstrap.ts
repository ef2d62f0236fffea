import { encode } from '@ipld/dag-cbor'

/**
 * `GET /bootstrap` of a node's public listener: who can be dialled to enter the network, signed by that node.
 *
 *   { "version": 1, "network": "wesense", "protocol": 1, "issued": <ms>, "expires": <ms>, "signer": "<peer ID>",
 *     "peers": [ { "id": "<peer ID>", "roles": [ "bootstrap" | "relay", ... ],
 *                  "addrs": [ "<multiaddr>/p2p/<id>", ... ] } ],
 *     "signature": "<base64>" }
 *
 * The signature is Ed25519 over `SIGNING_PREFIX` in ASCII and the DAG-CBOR of all fields but itself, so that the
 * document may be kept, mirrored and passed on: what it says stays the signer's word until it expires.
 */
export interface BootstrapDocument {
  readonly version: 1
  readonly network: string
  /** Major version of the network's protocols. */
  readonly protocol: number
  /** ms since 1970. */
  readonly issued: number
  readonly expires: number
  /** The peer ID whose key signed it. */
  readonly signer: string
  readonly peers: readonly BootstrapPeer[]
}

export interface BootstrapPeer {
  readonly id: string
  readonly roles: readonly string[]
  /** Multiaddrs that end in `/p2p/<id>`, those at which browsers can connect first. */
  readonly addrs: readonly string[]
}

export interface SignedBootstrap extends BootstrapDocument {
  /** base64 */
  readonly signature: string
}

/** Major version of the protocols named in docs/protocols.md. */
export const PROTOCOL_VERSION = 1
export const LIMIT_BOOTSTRAP_PEERS = 32
export const LIMIT_PEER_ADDRESSES = 8
/** Longest address: a relayed one with two peer IDs and a DNS name. */
const LIMIT_ADDRESS_CHARACTERS = 512
const LIMIT_ROLES = 8
const LIMIT_ROLE_CHARACTERS = 32
const SIGNING_PREFIX = 'wesense-node bootstrap 1\n'
/** A document is taken for so long after it has expired: a clock may be ahead of the signer's. */
const CLOCK_TOLERANCE_MS = 10 * 60_000

/** What the check needs of its surroundings, which differ between Node and a browser. */
export interface BootstrapCheck {
  readonly network: string
  readonly nowMs: number
  /** The peer ID that must have signed; null: whoever did. */
  readonly signer: string | null
  /** Whether the owner of the peer ID signed the bytes; never rejects. */
  verify(peerId: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** What the signer signs. */
export function bootstrapBytes(document: BootstrapDocument): Uint8Array {
  const { version, network, protocol, issued, expires, signer } = document
  const peers = document.peers.map(({ id, roles, addrs }) => ({
    id,
    roles: [...roles],
    addrs: [...addrs],
  }))
  const prefix = new TextEncoder().encode(SIGNING_PREFIX)
  const content = encode({ version, network, protocol, issued, expires, signer, peers })
  const bytes = new Uint8Array(prefix.length + content.length)
  bytes.set(prefix)
  bytes.set(content, prefix.length)
  return bytes
}

/**
 * Opens a document as it came over the wire.
 * @returns null for anything but this network's, not expired, as its signer signed it. Never throws.
 */
export async function openSignedBootstrap(
  value: unknown,
  check: BootstrapCheck,
): Promise<BootstrapDocument | null> {
  const document = readDocument(value)
  if (document === null || document.network !== check.network) return null
  if (check.signer !== null && document.signer !== check.signer) return null
  // When it was issued is the signer's word: what seems to be of the future says that the reader's clock is behind.
  if (document.expires <= check.nowMs - CLOCK_TOLERANCE_MS) return null
  const { signature: text, ...content } = document
  const signature = fromBase64(text)
  if (signature === null) return null
  return (await check.verify(content.signer, bootstrapBytes(content), signature)) ? content : null
}

function readDocument(value: unknown): SignedBootstrap | null {
  if (!isObject(value)) return null
  const { version, network, protocol, issued, expires, signer, signature, peers } = value
  if (version !== 1 || !isCount(protocol) || !isCount(issued) || !isCount(expires)) return null
  if (!isText(network, 64) || !isText(signer, 64) || !isText(signature, 128)) return null
  if (!Array.isArray(peers) || peers.length > LIMIT_BOOTSTRAP_PEERS) return null
  const read = peers.map(readPeer).filter((peer) => peer !== null)
  if (read.length !== peers.length) return null
  return { version, network, protocol, issued, expires, signer, signature, peers: read }
}

function readPeer(value: unknown): BootstrapPeer | null {
  if (!isObject(value)) return null
  const { id, roles, addrs } = value
  if (!isText(id, 64)) return null
  if (!isTexts(roles, LIMIT_ROLES, LIMIT_ROLE_CHARACTERS)) return null
  if (!isTexts(addrs, LIMIT_PEER_ADDRESSES, LIMIT_ADDRESS_CHARACTERS)) return null
  return addrs.every((address) => address.endsWith(`/p2p/${id}`)) ? { id, roles, addrs } : null
}

function isTexts(value: unknown, limit: number, characters: number): value is string[] {
  return (
    Array.isArray(value) && value.length <= limit && value.every((one) => isText(one, characters))
  )
}

function isText(value: unknown, characters: number): value is string {
  return typeof value === 'string' && value.length <= characters && value.isWellFormed()
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}
