import { createHash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'

/** A peer ID that belongs to a name: the same each time, and nobody has its key. */
export function peerIdOf(name: string): string {
  const key = createHash('sha256').update(name).digest()
  return base58btc.baseEncode(Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...key]))
}
