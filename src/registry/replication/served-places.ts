import type { Clock } from '../../lib/clock.ts'
import type { PeerStream } from '../../network/types.ts'

/** Transfers served at the same time; more are refused and asked again later. */
const LIMIT = 32
/** Of them kept for known stations: who is nobody yet costs nothing to be. */
const KEPT_FOR_KNOWN = 8
/** Of one public host, behind which a few stations may be. */
const PER_SOURCE = 8
/** An asker that we wait for so long may lose its place to one that has none, if its source holds others. */
const SILENCE_MS = 1000
/** The only one of its source: a line of 200 kbit/s takes a page of 240 KiB in that time. */
const LONE_SILENCE_MS = 10_000

export interface AskerOptions {
  readonly isKnown: boolean
  /** What counts once in a share, see `RegistryTransport.sourceOf`. */
  readonly source: string
}

/** One asker of a log, and since when we wait for it: to take what we send, or to ask for more. */
export class Asker {
  readonly isKnown: boolean
  readonly source: string
  /** The stream to serve it on. */
  readonly stream: PeerStream
  readonly #clock: Pick<Clock, 'now'>
  readonly #abort: (reason: Error) => void
  #waitedSinceMs: number | null = null

  constructor(stream: PeerStream, options: AskerOptions, clock: Pick<Clock, 'now'>) {
    this.isKnown = options.isKnown
    this.source = options.source
    this.#clock = clock
    this.#abort = (reason) => stream.abort(reason)
    this.stream = {
      peerId: stream.peerId,
      chunks: () => this.#chunksOf(stream),
      send: (bytes, signal) => this.#waitFor(stream.send(bytes, signal)),
      close: (signal) => stream.close(signal),
      abort: this.#abort,
    }
  }

  /** 0 while it is us who work. */
  get silentMs(): number {
    return this.#waitedSinceMs === null ? 0 : this.#clock.now() - this.#waitedSinceMs
  }

  cut(): void {
    this.#abort(new Error('busy'))
  }

  async *#chunksOf(stream: PeerStream): AsyncGenerator<Uint8Array> {
    const chunks = stream.chunks()[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.#waitFor(chunks.next())
      if (done === true) return
      yield value
    }
  }

  async #waitFor<T>(answer: Promise<T>): Promise<T> {
    this.#waitedSinceMs = this.#clock.now()
    return await answer.finally(() => {
      this.#waitedSinceMs = null
    })
  }
}

/**
 * Who is served now. Where all places are taken, one that lets us wait goes: of the source that holds most of
 * them, and there the one that is silent longest. So askers that never go on hold their places for a moment, and
 * one on a slow line, which holds one, keeps it before those that hold several and is waited for longer.
 */
export class ServedPlaces {
  readonly #askers = new Set<Asker>()

  get size(): number {
    return this.#askers.size
  }

  /** @returns false when there is no place: it is to be refused. */
  enter(asker: Asker): boolean {
    const rivals = this.#rivalsOf(asker)
    if (rivals !== null) {
      const losers = rivals.map((group) => this.#silentOf(group))
      const loser = losers.find((one) => one !== null)
      if (loser === undefined) return false
      this.#askers.delete(loser)
      loser.cut()
    }
    this.#askers.add(asker)
    return true
  }

  leave(asker: Asker): void {
    this.#askers.delete(asker)
  }

  /** Those of whom one has to go for this one, the first group before the others; null: there is a place. */
  #rivalsOf({ source, isKnown }: Asker): Asker[][] | null {
    const all = [...this.#askers]
    const ofSource = all.filter((one) => one.source === source)
    if (ofSource.length >= PER_SOURCE) return [ofSource]
    const strangers = all.filter((one) => !one.isKnown)
    const isFull = all.length >= LIMIT
    if (isKnown) return isFull ? [strangers, all] : null
    return isFull || strangers.length >= LIMIT - KEPT_FOR_KNOWN ? [strangers] : null
  }

  #silentOf(rivals: readonly Asker[]): Asker | null {
    const held = new Map<string, number>()
    for (const { source } of rivals) held.set(source, (held.get(source) ?? 0) + 1)
    const heldWith = ({ source }: Asker) => held.get(source) ?? 0
    const patienceMs = (one: Asker) => (heldWith(one) > 1 ? SILENCE_MS : LONE_SILENCE_MS)
    const [loser = null] = rivals
      .filter((one) => one.silentMs >= patienceMs(one))
      .sort((a, b) => heldWith(b) - heldWith(a) || b.silentMs - a.silentMs)
    return loser
  }
}
