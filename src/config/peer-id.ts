import { base58btc } from 'multiformats/bases/base58'

/** Base58 of a multihash: Ed25519 and secp256k1 keys inline, larger keys as SHA-256. */
const SHAPE = /^(12D3KooW|16Uiu2HA|Qm)[1-9A-HJ-NP-Za-km-z]{44,45}$/

/** Whether text is a peer ID in its usual form. */
export function isPeerId(text: string): boolean {
  if (!SHAPE.test(text)) return false
  const bytes = base58btc.baseDecode(text)
  const [code, length] = bytes
  return (code === 0x00 || code === 0x12) && length === bytes.length - 2
}
