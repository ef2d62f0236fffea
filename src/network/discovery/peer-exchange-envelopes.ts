import { BoundedMap } from '../../lib/bounded-map.ts'
import type { Clock } from '../../lib/clock.ts'

/** Peers whose record is kept at hand, at most 4 KiB each. */
const LIMIT_KEPT = 512
/** A new address of a peer is passed on so much later at the most. */
const KEPT_MS = 60_000

export interface EnvelopesComponents {
  /** The signed record that a peer gave about itself, null when it gave none. */
  readonly envelopeOf: (peerId: string) => Promise<Uint8Array | null>
  readonly clock: Pick<Clock, 'now'>
}

interface Kept {
  readonly envelope: Uint8Array
  readonly untilMs: number
}

/**
 * Signed records to pass on, each read from the peer store once a minute: a rush of newcomers asks for the same
 * 32 thousands of times, and each reading takes a lock and decodes the whole entry.
 */
export class PeerExchangeEnvelopes {
  readonly #components: EnvelopesComponents
  readonly #kept = new BoundedMap<string, Kept>({ limit: LIMIT_KEPT })

  constructor(components: EnvelopesComponents) {
    this.#components = components
  }

  /** @returns null when the peer gave none */
  async of(peerId: string): Promise<Uint8Array | null> {
    const { envelopeOf, clock } = this.#components
    const nowMs = clock.now()
    const kept = this.#kept.get(peerId)
    // A clock that is set back must not keep what is old.
    if (kept !== undefined && kept.untilMs > nowMs && kept.untilMs <= nowMs + KEPT_MS) {
      return kept.envelope
    }
    const envelope = await envelopeOf(peerId)
    if (envelope === null) this.#kept.delete(peerId)
    else this.#kept.set(peerId, { envelope, untilMs: nowMs + KEPT_MS })
    return envelope
  }

  clear(): void {
    this.#kept.clear()
  }
}
