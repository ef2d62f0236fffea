import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'

const LIBP2P_KEY = 0x72
const IDENTITY = 0x00
const SHA2_256 = 0x12
/** Keys beyond it are named by their hash (libp2p's peer IDs). */
const LIMIT_INLINED_BYTES = 42
/** The longest, an inlined key in base32, has 73; decoding is quadratic. */
const LIMIT_CHARACTERS = 128
const LIMIT_CID_CHARACTERS = 256

/**
 * A peer ID in any of its spellings: base58btc of the multihash, or a CIDv1 of a libp2p key in any of the bases
 * that CIDs come in.
 * @returns its base58btc form; null for anything else. Never throws.
 */
export function readPeerId(text: string): string | null {
  if (text.length > LIMIT_CHARACTERS) return null
  try {
    const bytes = /^(1|Qm)/.test(text) ? base58btc.baseDecode(text) : keyOfCid(text)
    if (bytes === null) return null
    const { code, digest } = decode(bytes)
    const isInlined = code === IDENTITY && digest.length > 0 && digest.length <= LIMIT_INLINED_BYTES
    const isHashed = code === SHA2_256 && digest.length === 32
    return isInlined || isHashed ? base58btc.baseEncode(bytes) : null
  } catch {
    return null
  }
}

function keyOfCid(text: string): Uint8Array | null {
  const cid = parseCid(text)
  return cid !== null && cid.version === 1 && cid.code === LIBP2P_KEY ? cid.multihash.bytes : null
}

/** Whether the text is a CID at all. */
export function isCid(text: string): boolean {
  return text.length <= LIMIT_CID_CHARACTERS && parseCid(text) !== null
}

function parseCid(text: string): CID | null {
  try {
    if (text.startsWith('k')) return CID.parse(text, base36)
    if (text.startsWith('b')) return CID.parse(text, base32)
    return CID.parse(text)
  } catch {
    return null
  }
}
