import { hash as digestOf } from 'node:crypto'
import { decode, encode } from '@ipld/dag-cbor'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'

import { flat } from '../../lib/text.ts'
import { readPlainUpTo } from './plain-cbor.ts'

const DAG_CBOR = 0x71
/** CIDv1, dag-cbor, sha2-256, 32 bytes: what the digest follows. */
const CID_PREFIX = Uint8Array.of(1, DAG_CBOR, 0x12, 32)
const CID_BYTES = 36
const HASH = /^zdpu[1-9A-HJ-NP-Za-km-z]{45}$/
/** The alphabet of base58 is in the order of its characters, so names sort as the numbers they spell. */
const LOWEST_HASH = nameOf(new Uint8Array(32).fill(0))
const HIGHEST_HASH = nameOf(new Uint8Array(32).fill(255))

/** Heads of a map of six, and of the fields of an entry that is in its canonical form. */
const MAP_OF_SIX = Uint8Array.of(0xa6)
const VERSION_BYTES = 3
const FIELD_NAME_BYTES = { id: 3, key: 4, sig: 4, identity: 9 } as const
const SIGNATURE_CHARACTERS = 128

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
  return nameOf(digestOf('sha256', bytes, 'buffer'))
}

function nameOf(digest: Uint8Array): string {
  const cid = new Uint8Array(CID_BYTES)
  cid.set(CID_PREFIX)
  cid.set(digest, CID_PREFIX.length)
  return flat(base58btc.encode(cid))
}

/** Whether the text is such a name in its one canonical spelling. */
export function isHash(text: unknown): text is string {
  if (typeof text !== 'string' || !HASH.test(text)) return false
  return text >= LOWEST_HASH && text <= HIGHEST_HASH
}

export function cidOf(hash: string): CID {
  return CID.parse(hash, base58btc)
}

/** The name of a block as this registry spells it, or null for a block that is none of ours. */
export function hashOfCid(cid: CID): string | null {
  return cid.code === DAG_CBOR && cid.version === 1 ? flat(cid.toString(base58btc)) : null
}

export function encodeValue(value: unknown): Uint8Array {
  return encode(value)
}

/** @throws for bytes that are not exactly one dag-cbor item. */
export function decodeValue(bytes: Uint8Array): unknown {
  return decode(bytes)
}

/** What an entry follows, and what it refers to besides: all of them come before it. */
export interface EntryLinks {
  readonly next: readonly string[]
  readonly refs: readonly string[]
}

/**
 * The links of an entry, without reading what it says.
 * @param bytes those of an entry that was judged when it was stored; anything else has no links
 */
export function linksOf(bytes: Uint8Array): EntryLinks {
  const { next, refs } = readPlainUpTo(bytes, 'refs') ?? {}
  return { next: Array.isArray(next) ? next : [], refs: Array.isArray(refs) ? refs : [] }
}

export function signedBytes(entry: SignedFields): Uint8Array {
  const { id, payload, next, refs, clock, v } = entry
  return encode({ id, payload, next, refs, clock, v })
}

/**
 * The same bytes as `signedBytes`, cut out of the entry's own without encoding anything again.
 * @param entry canonical bytes with exactly the nine fields, `v` 2 and a signature of 128 characters
 */
export function cutSignedBytes(entry: Uint8Array, address: string, author: string): Uint8Array {
  // In canonical order: v, id, key, sig, next, refs, clock, payload, identity.
  const keyAt = MAP_OF_SIX.length + VERSION_BYTES + FIELD_NAME_BYTES.id + textBytes(address)
  const keyAndSig =
    FIELD_NAME_BYTES.key + textBytes(author) + FIELD_NAME_BYTES.sig + SIGNATURE_CHARACTERS + 2
  const identityAt = entry.length - FIELD_NAME_BYTES.identity - textBytes(author)
  return Buffer.concat([
    MAP_OF_SIX,
    entry.subarray(MAP_OF_SIX.length, keyAt),
    entry.subarray(keyAt + keyAndSig, identityAt),
  ])
}

/** What a text of less than 64 KiB takes in canonical CBOR. */
function textBytes(text: string): number {
  const length = Buffer.byteLength(text)
  if (length < 24) return 1 + length
  return (length < 256 ? 2 : 3) + length
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
