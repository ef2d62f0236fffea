import type { Clock } from '../../../lib/clock.ts'
import { withDeadline } from '../../../lib/deadline.ts'
import { TokenBucket } from '../../../lib/token-bucket.ts'
import { encodeNews, LIMIT_TOLD } from '../../../wire/pages.ts'
import type { PeerStream } from '../../types.ts'

/** Others that one client knows of: what a page can hold links to, whatever the relay's size. */
export const LIMIT_KNOWN = 48
/** Records and farewells to one client: all that it may know at once, then so many a second. */
const NEWS_BURST = 64
const NEWS_PER_SECOND = 16
export interface WatcherComponents {
  readonly stream: PeerStream
  readonly clock: Clock
  /** A client that does not read for so long is let go. */
  readonly sendDeadlineMs: number
  readonly onTold: (records: number) => void
  /** The client did not read; its stream is reset. */
  readonly onSlow: () => void
}

/**
 * What one client is told. News wait in a map of a peer each, so they are never more than the client may know,
 * and what changes twice while it reads slowly is told once.
 */
export class Watcher {
  readonly #components: WatcherComponents
  readonly #bucket: TokenBucket
  /** Peer ID -> its record, or null: gone. */
  readonly #pending = new Map<string, Uint8Array | null>()
  /** Told of, or about to be. */
  readonly #known = new Set<string>()
  readonly #controller = new AbortController()
  #sending: Promise<void> | null = null

  constructor(components: WatcherComponents) {
    this.#components = components
    const { clock } = components
    this.#bucket = new TokenBucket({
      capacity: NEWS_BURST,
      refillPerSecond: NEWS_PER_SECOND,
      clock,
    })
  }

  /** @returns false when it knows as many as it may */
  tellRecord(peerId: string, envelope: Uint8Array): boolean {
    if (!this.#known.has(peerId) && this.#known.size >= LIMIT_KNOWN) return false
    this.#known.add(peerId)
    this.#tell(peerId, envelope)
    return true
  }

  tellGone(peerId: string): void {
    if (!this.#known.delete(peerId)) return
    this.#tell(peerId, null)
  }

  /** Resets the stream. @returns when nothing is under way any more */
  async end(reason: Error): Promise<void> {
    this.#controller.abort(reason)
    this.#pending.clear()
    this.#components.stream.abort(reason)
    await this.#sending
  }

  #tell(peerId: string, envelope: Uint8Array | null): void {
    if (this.#controller.signal.aborted) return
    // Farewells of peers that left again and again are the only ones that could pile up.
    if (this.#pending.size >= 2 * LIMIT_KNOWN) this.#forgetOldestFarewell()
    this.#pending.set(peerId, envelope)
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null
    })
  }

  #forgetOldestFarewell(): void {
    for (const [peerId, envelope] of this.#pending) {
      if (envelope !== null) continue
      this.#pending.delete(peerId)
      return
    }
  }

  async #send(): Promise<void> {
    const { signal } = this.#controller
    try {
      // News of one moment go into one frame.
      await Promise.resolve()
      while (this.#pending.size > 0 && !signal.aborted) {
        await this.#sendBatch(signal)
      }
    } catch {
      if (!signal.aborted) this.#components.onSlow()
    }
  }

  async #sendBatch(signal: AbortSignal): Promise<void> {
    const { clock, stream, sendDeadlineMs, onTold } = this.#components
    while (!this.#bucket.tryTake(Math.min(LIMIT_TOLD, this.#pending.size))) {
      await clock.sleep(1_000 / NEWS_PER_SECOND, signal)
    }
    const batch = [...this.#pending].slice(0, LIMIT_TOLD)
    for (const [peerId] of batch) this.#pending.delete(peerId)
    const records = batch.flatMap(([, envelope]) => (envelope === null ? [] : [envelope]))
    const gone = batch.flatMap(([peerId, envelope]) => (envelope === null ? [peerId] : []))
    const bytes = encodeNews({ records, gone })
    await withDeadline((inner) => stream.send(bytes, inner), {
      ms: sendDeadlineMs,
      label: 'telling a client who is here',
      signal,
    })
    onTold(records.length)
  }
}
