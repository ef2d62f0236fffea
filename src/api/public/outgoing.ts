import type { ServerResponse } from 'node:http'

/** Of all bodies that clients have not taken yet; one that several take counts once. */
const LIMIT_HELD_BYTES = 32 * 1_048_576
/** A client that takes longer than this to read its answer is hung up on. */
const LIMIT_SENDING_MS = 60_000

/** Bodies on their way: bounds what slow readers can make this node hold. */
export class Outgoing {
  readonly #readers = new Map<Uint8Array, number>()
  readonly #limitBytes: number
  readonly #sendingMs: number
  #bytes = 0

  constructor(limitBytes: number = LIMIT_HELD_BYTES, sendingMs: number = LIMIT_SENDING_MS) {
    this.#limitBytes = limitBytes
    this.#sendingMs = sendingMs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Counts a body until its response is over. @returns false when too much is on its way already */
  hold(body: Uint8Array, response: ServerResponse): boolean {
    // Whoever asked hung up while the body was made: nothing will be on its way, nor over.
    if (response.destroyed) return true
    const readers = this.#readers.get(body) ?? 0
    if (readers === 0 && this.#bytes + body.length > this.#limitBytes) return false
    if (readers === 0) this.#bytes += body.length
    this.#readers.set(body, readers + 1)
    const cut = setTimeout(() => response.destroy(), this.#sendingMs)
    cut.unref()
    response.once('close', () => {
      clearTimeout(cut)
      this.#release(body)
    })
    return true
  }

  #release(body: Uint8Array): void {
    const left = (this.#readers.get(body) ?? 1) - 1
    if (left > 0) {
      this.#readers.set(body, left)
      return
    }
    this.#readers.delete(body)
    this.#bytes -= body.length
  }
}
