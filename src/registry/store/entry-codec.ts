import { createHash } from 'node:crypto'
import { decode, encode } from '@ipld/dag-cbor'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'

const DAG_CBOR = 0x71
const SHA2_256 = 0x12
const HASH = /^zdpu[1-9A-HJ-NP-Za-km-z]{45}$/

/** What the author signs; the same six fields OrbitDB signs. */
export interface SignedFields {
  readonly id: unknown
  readonly payload: unknown
  readonly next: unknown
  readonly refs: unknown
  readonly clock: unknown
  readonly v: unknown
}

/** CIDv1, dag-cbor, sha2-256, base58btc: the name OrbitDB gives an entry. */
export function hashOf(bytes: Uint8Array): string {
  const digest = createHash('sha256').update(bytes).digest()
  return CID.createV1(DAG_CBOR, createDigest(SHA2_256, digest)).toString(base58btc)
}

/** Whether the text is such a name in its one canonical spelling. */
export function isHash(text: unknown): text is string {
  if (typeof text !== 'string' || !HASH.test(text)) return false
  try {
    const cid = CID.parse(text, base58btc)
    return cid.code === DAG_CBOR && cid.multihash.code === SHA2_256 && cid.multihash.size === 32
  } catch {
    return false
  }
}

export function cidOf(hash: string): CID {
  return CID.parse(hash, base58btc)
}

/** The name of a block as this registry spells it, or null for a block that is none of ours. */
export function hashOfCid(cid: CID): string | null {
  return cid.code === DAG_CBOR && cid.version === 1 ? cid.toString(base58btc) : null
}

export function encodeValue(value: unknown): Uint8Array {
  return encode(value)
}

/** @throws for bytes that are not exactly one dag-cbor item. */
export function decodeValue(bytes: Uint8Array): unknown {
  return decode(bytes)
}

export function signedBytes(entry: SignedFields): Uint8Array {
  const { id, payload, next, refs, clock, v } = entry
  return encode({ id, payload, next, refs, clock, v })
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
