import type { PeerId, PrivateKey } from '@libp2p/interface'

import { NetworkError } from '../../errors.ts'

/** Signatures that are waited for at a time: more than handshakes are being made. */
const MOST_WAITING = 64

/**
 * The node's key as the child has it: what is to be signed goes to the node, which signs nothing but keys of
 * handshakes. So the key that others know the node by is not where strangers' bytes are parsed.
 */
export class Signer {
  /** With what noise uses of a private key. */
  readonly privateKey: PrivateKey
  readonly #ask: (id: number, bytes: Uint8Array) => void
  readonly #waiting = new Map<number, PromiseWithResolvers<Uint8Array>>()
  #asked = 0

  /** @param ask asks the node, which answers with `signed` */
  constructor({ type, publicKey }: PeerId, ask: (id: number, bytes: Uint8Array) => void) {
    this.#ask = ask
    const key = { type, publicKey, sign: (bytes: Uint8Array) => this.#sign(bytes) }
    this.privateKey = key as unknown as PrivateKey
  }

  /** @param signature null: the node does not sign it */
  signed(id: number, signature: Uint8Array | null): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (signature === null) waiting?.reject(refused())
    else waiting?.resolve(signature)
  }

  #sign(bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#waiting.size >= MOST_WAITING) return Promise.reject(refused())
    this.#asked += 1
    const waiting = Promise.withResolvers<Uint8Array>()
    this.#waiting.set(this.#asked, waiting)
    this.#ask(this.#asked, bytes)
    return waiting.promise
  }
}

function refused(): NetworkError {
  return new NetworkError('STREAM_REFUSED', 'the node did not sign')
}
