import type { Clock } from '../../lib/clock.ts'
import type { Preview } from '../previews.ts'
import { TRANSFER_DEADLINE_MS } from './log-transfer.ts'
import { type OrphanPlaces, Orphans } from './orphans.ts'

/** From the beginning of a transfer: it is over by then, and the next one had a minute to come to its turn. */
const KEPT_MS = 2 * TRANSFER_DEADLINE_MS

export interface PeerOrphansComponents {
  /** Shared by all logs. */
  readonly places: OrphanPlaces
  readonly clock: Pick<Clock, 'sleep'>
  preview(): Preview
}

interface Kept {
  readonly orphans: Orphans
  /** Ends the wait for the next transfer. */
  waiting: AbortController
}

/**
 * What the transfers of each peer brought of one log before its parents, from one transfer to the next. Whoever
 * ends the transfers closes it; where nobody does, it ends when the next one does not come in time.
 */
export class PeerOrphans {
  readonly #components: PeerOrphansComponents
  /** As many as there are places. */
  readonly #byPeer = new Map<string, Kept>()
  #isStopped = false

  constructor(components: PeerOrphansComponents) {
    this.#components = components
  }

  /** Forgets all, and takes no more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all([...this.#byPeer.keys()].map((peerId) => this.close(peerId)))
  }

  /** Null when there is none. */
  of(peerId: string): Orphans | null {
    return this.#byPeer.get(peerId)?.orphans ?? null
  }

  /** Makes room for a peer that has none. @returns false when there is no place. */
  tryOpen(peerId: string): boolean {
    const { places, preview } = this.#components
    if (this.#isStopped || this.#byPeer.has(peerId) || !places.tryTake()) return false
    const orphans = new Orphans({ preview, onClosed: () => places.free() })
    this.#byPeer.set(peerId, { orphans, waiting: new AbortController() })
    this.goOn(peerId)
    return true
  }

  /** A transfer of the peer begins. @returns what it adds to; null when there is none. */
  goOn(peerId: string): Orphans | null {
    const kept = this.#byPeer.get(peerId)
    if (kept === undefined) return null
    kept.waiting.abort()
    kept.waiting = new AbortController()
    void this.#closeLater(peerId, kept.waiting.signal)
    return kept.orphans
  }

  /** Forgets what of it has not joined: the peer's transfers are over. Never throws. */
  async close(peerId: string): Promise<void> {
    const kept = this.#byPeer.get(peerId)
    this.#byPeer.delete(peerId)
    kept?.waiting.abort()
    await kept?.orphans.close()
  }

  async #closeLater(peerId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#components.clock.sleep(KEPT_MS, signal)
    } catch {
      return
    }
    await this.close(peerId)
  }
}
