import type { PrivateKey } from '@libp2p/interface'

/** A key of 32 bytes follows: all that the handshake has signed (libp2p's noise specification). */
const PREFIX = Buffer.from('noise-libp2p-static-key:')
const KEY_BYTES = 32

/** Signs the key of a handshake. @returns null for anything else: a record, say, or an entry of the registry */
export async function signHandshakeKey(
  privateKey: Pick<PrivateKey, 'sign'>,
  bytes: Uint8Array,
): Promise<Uint8Array | null> {
  const isKey =
    bytes.length === PREFIX.length + KEY_BYTES && PREFIX.equals(bytes.subarray(0, PREFIX.length))
  return isKey ? await privateKey.sign(bytes) : null
}
