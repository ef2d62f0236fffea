import type { MultiaddrConnection } from '@libp2p/interface'

import { isObject, libraryMember } from '../errors.ts'
import { keepCompact } from './compact-list.ts'

export interface TurnOptions {
  /** Handshakes worked on at the same time. */
  readonly atOnce: number
  /** Handshakes begun each time the loop comes round, at most a hundred times a second. */
  readonly perRound: number
  /** One that has not had its turn by then has to go, ms. */
  readonly waitMs: number
}

export interface TurnsComponents {
  /** ms. @default performance.now */
  readonly now?: () => number
}

type Arriving = Pick<
  MultiaddrConnection,
  'timeline' | 'addEventListener' | 'readBufferLength' | 'maxReadBufferLength'
>
type Key = Arriving['timeline']

interface Waiting {
  readonly connection: Arriving
  readonly isPeerFirst: boolean
  readonly sinceMs: number
  readonly settle: (refusal: 'busy' | null) => void
}

const TICK_MS = 10
/** For how long a handshake keeps others waiting; a peer that is slower goes on beside them. */
const LEASE_MS = 240
/** Unread bytes of who waits; libp2p 3.3 takes 4 MiB. A handshake begins with less than 1 KiB. */
const WAITING_BYTES = 64 * 1024

/**
 * Begins handshakes at the rate at which they are finished. libp2p 3.3 begins all at once: when more come than
 * the processor carries, every one of them outlasts its deadline and all the work was for nothing. A handshake
 * takes several rounds of the event loop, so a few are begun in each: a round then lasts no longer than those
 * few and what follows from them cost. Who has said nothing gets no turn, and who waited too long goes before
 * anything was spent on it, and comes again.
 * How many wait is bounded by who calls. Can go when the library paces them.
 */
export class HandshakeTurns {
  readonly #options: TurnOptions
  readonly #now: () => number
  readonly #waiting = new Map<Key, Waiting>()
  /** Handshakes that keep others waiting -> attentive time at which they no longer do. */
  readonly #leases = new Map<Key, number>()
  /** All that wait for their turn or had it. */
  readonly #inHand = new Set<Key>()
  #attentiveMs = 0
  /** In this round. */
  #begun = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: TurnOptions, { now }: TurnsComponents = {}) {
    this.#options = options
    this.#now = now ?? (() => performance.now())
  }

  /**
   * Time in which this process could have answered, ms. It goes on while a handshake is in hand, by no more for
   * each time the loop comes round than a free processor takes for it: what we are slow with is no peer's fault.
   */
  get attentiveMs(): number {
    return this.#attentiveMs
  }

  /** Connections that wait to be worked on. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Resolves when the handshake may begin, with null, or has to go. `end` must follow.
   * @param isPeerFirst whether the peer has to say something before we do
   * @throws NetworkError LIBRARY_CHANGED
   */
  turn(connection: Arriving, isPeerFirst = true): Promise<'busy' | null> {
    const { timeline, maxReadBufferLength } = connection
    const { promise, resolve } = Promise.withResolvers<'busy' | null>()
    const settle = (refusal: 'busy' | null) => {
      this.#waiting.delete(timeline)
      connection.maxReadBufferLength = maxReadBufferLength
      if (refusal === null) this.#leases.set(timeline, this.#attentiveMs + LEASE_MS)
      resolve(refusal)
    }
    this.#inHand.add(timeline)
    // Beyond it the library ends the connection. It may come byte by byte, and is handed on all at once.
    connection.maxReadBufferLength = WAITING_BYTES
    keepCompact(libraryMember(connection, 'readBuffer', isObject))
    this.#waiting.set(timeline, { connection, isPeerFirst, sinceMs: this.#now(), settle })
    connection.addEventListener('close', () => this.end(connection), { once: true })
    this.#timer ??= setInterval(() => this.tick(), TICK_MS).unref()
    this.#next()
    return promise
  }

  /** The handshake is through, or its connection closed. Callable twice. */
  end({ timeline }: Pick<Arriving, 'timeline'>): void {
    if (!this.#inHand.delete(timeline)) return
    this.#waiting.get(timeline)?.settle('busy')
    this.#leases.delete(timeline)
    if (this.#inHand.size === 0) this.#stop()
    else this.#next()
  }

  /** The loop came round. The class calls it itself. */
  tick(): void {
    this.#attentiveMs += TICK_MS
    this.#begun = 0
    for (const [key, untilMs] of this.#leases) {
      if (untilMs <= this.#attentiveMs) this.#leases.delete(key)
    }
    this.#next()
  }

  /** In the order in which they came. */
  #next(): void {
    const { atOnce, perRound, waitMs } = this.#options
    const tooLateMs = this.#now() - waitMs
    for (const { connection, isPeerFirst, sinceMs, settle } of this.#waiting.values()) {
      if (sinceMs <= tooLateMs) settle('busy')
      else if (!isPeerFirst || connection.readBufferLength > 0) {
        if (this.#leases.size >= atOnce || this.#begun >= perRound) return
        this.#begun += 1
        settle(null)
      }
    }
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
