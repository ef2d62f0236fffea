import { type ProtocolCodec, registry, V } from '@multiformats/multiaddr'

/**
 * Of a peer ID: a hash of 256 bits with its two bytes of what it is, or an Ed25519 or secp256k1 key, has at most 42. To
 * write one as text takes as many steps as the square of its length: 4 KiB some 30 ms, 16 KiB a second.
 */
export const PEER_ID_LIMIT_BYTES = 64

const CODE_P2P = 421
/** A name has 253. */
const VALUE_BYTES = 256

const bounded = new WeakSet<ProtocolCodec>()

/** `LIBRARY_CHANGED`: codecs are not where they were, so that none is bounded. */
export type AddressFailure = (
  code: 'BAD_ADDRESS' | 'LIBRARY_CHANGED',
  message: string,
  facts: { readonly protocol?: string },
) => Error

/**
 * Refuses addresses with values that cost too much to read, or cannot be written again, wherever they come from.
 * @multiformats/multiaddr 13.0 takes values of any length and writes a peer ID in base58, which takes as many steps
 * as the square of its length: 16 KiB hold up everybody for a second, 256 KiB for minutes. An `http-path` with half
 * of a pair of surrogates is read, and `toString()` throws where nobody catches it. Here both are what any
 * malformed address is: an error of who reads it. Can go when the package does so. Callable twice.
 * @param failure makes the errors, those of reading too
 */
export function boundAddressValues(failure: AddressFailure): void {
  const codecs: unknown = Reflect.get(registry, 'protocolsByCode')
  if (!isCodecs(codecs)) throw failure('LIBRARY_CHANGED', 'addresses have no list of codecs', {})
  for (const codec of [...codecs.values()]) {
    if (codec.size !== V || bounded.has(codec)) continue
    const limitBytes = codec.code === CODE_P2P ? PEER_ID_LIMIT_BYTES : VALUE_BYTES
    const boundedCodec = { ...codec, bytesToValue: reader(codec, limitBytes, failure) }
    bounded.add(boundedCodec)
    registry.addProtocol(boundedCodec)
  }
}

function reader(
  codec: ProtocolCodec,
  limitBytes: number,
  failure: AddressFailure,
): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder()
  return (bytes) => {
    if (bytes.length > limitBytes) {
      const message = `${bytes.length} bytes are too many for /${codec.name}`
      throw failure('BAD_ADDRESS', message, { protocol: codec.name })
    }
    const value = codec.bytesToValue?.(bytes) ?? decoder.decode(bytes)
    codec.valueToString?.(value)
    return value
  }
}

function isCodecs(value: unknown): value is ReadonlyMap<number, ProtocolCodec> {
  return value instanceof Map
}
