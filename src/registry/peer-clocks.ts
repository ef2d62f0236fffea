import { BoundedMap } from '../lib/bounded-map.ts'
import type { Clock } from '../lib/clock.ts'
import { TokenBucket } from '../lib/token-bucket.ts'
import { MAX_ENTRY_BYTES } from './constants.ts'
import { EARLY_MS, epochAt, startOfEpoch } from './epochs/calendar.ts'
import { isPlainObject } from './records/fields.ts'
import { PeerBudgets } from './replication/peer-budgets.ts'
import { decodeValue } from './store/entry-codec.ts'

/** Peers whose messages are remembered. */
const PEERS_LIMIT = 256
/** So long a message tells what its sender's clock is. */
const REMEMBERED_MS = 3_600_000
/** Epochs before and after ours that peers are looked for in: a year and a month. */
const EPOCHS_AROUND = 28
/** One peer, or two, may say what they like; of more the middle one counts. */
const QUORUM = 3

export interface PeerClocksComponents {
  readonly clock: Clock
  /** Time that has passed, ms, whatever is done to the wall clock. @default performance.now() */
  readonly elapsedMs?: () => number
  /** Connected peers that read the log of `nodes` of an epoch, whether it is open here or not. */
  readersOf(epoch: number): readonly string[]
}

/** Of a peer, the message that shows the latest clock. */
interface Message {
  readonly writtenMs: number
  /** Not by the wall clock: that may be set right meanwhile. */
  readonly heardMs: number
}

/** What peers show of their clocks: which epochs they read, and the entries that they pass on. */
export class PeerClocks {
  readonly #components: PeerClocksComponents
  readonly #messages = new BoundedMap<string, Message>({ limit: PEERS_LIMIT })
  /** Reading a message costs; a flood of them tells nothing more, and keeps out nobody else's. */
  readonly #perPeer: PeerBudgets
  readonly #inAll: TokenBucket
  readonly #elapsedMs: () => number

  constructor(components: PeerClocksComponents) {
    this.#components = components
    const { clock, elapsedMs = () => performance.now() } = components
    this.#elapsedMs = elapsedMs
    this.#perPeer = new PeerBudgets({ burst: 3, perSecond: 0.1 }, clock)
    this.#inAll = new TokenBucket({ capacity: 20, refillPerSecond: 2, clock })
  }

  /** Notes the clock in an entry that a peer passed on, right or not. Never throws. */
  noteMessage(peerId: string, bytes: Uint8Array): void {
    if (bytes.length > MAX_ENTRY_BYTES) return
    if (!this.#perPeer.tryTake(peerId) || !this.#inAll.tryTake()) return
    const writtenMs = clockIn(bytes)
    const shownMs = this.#shownBy(peerId)
    // Old entries are passed on by right: the latest clock tells most.
    if (writtenMs === null || (shownMs !== null && shownMs >= writtenMs)) return
    this.#messages.set(peerId, { writtenMs, heardMs: this.#elapsedMs() })
  }

  /**
   * How far the clocks of peers are ahead of ours at least, ms, by the middle one of them; negative when
   * they are behind; 0 when they may be right, or too few have shown theirs.
   */
  aheadMs(): number {
    const nowMs = this.#components.clock.now()
    const stations = this.#newestEpochs(epochAt(nowMs))
    const shown: number[] = []
    for (const [peerId, newest] of stations) {
      const byEpoch = outsideOf(nowMs, newest)
      const shownMs = this.#shownBy(peerId)
      if (byEpoch !== 0) shown.push(byEpoch)
      else if (shownMs !== null) shown.push(Math.max(0, shownMs - nowMs))
    }
    return shown.length < Math.min(QUORUM, Math.max(1, stations.size)) ? 0 : middleOf(shown)
  }

  /** What a peer's clock is now at least, by what it passed on within the hour; null: by nothing. */
  #shownBy(peerId: string): number | null {
    const message = this.#messages.peek(peerId)
    if (message === undefined) return null
    const sinceMs = this.#elapsedMs() - message.heardMs
    return sinceMs < REMEMBERED_MS ? message.writtenMs + sinceMs : null
  }

  /** The latest epoch that each connected peer reads. */
  #newestEpochs(own: number): Map<string, number> {
    const newest = new Map<string, number>()
    for (let epoch = Math.max(0, own - EPOCHS_AROUND); epoch <= own + EPOCHS_AROUND; epoch += 1) {
      for (const peerId of this.#components.readersOf(epoch)) newest.set(peerId, epoch)
    }
    return newest
  }
}

/** A peer opens an epoch six hours before it begins: from then on to the next its clock must be. */
function outsideOf(nowMs: number, newest: number): number {
  const [fromMs, toMs] = [startOfEpoch(newest) - EARLY_MS, startOfEpoch(newest + 1) - EARLY_MS]
  if (nowMs < fromMs) return fromMs - nowMs
  return nowMs > toMs ? toMs - nowMs : 0
}

function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return Math.abs(low) < Math.abs(high) ? low : high
}

function clockIn(bytes: Uint8Array): number | null {
  try {
    const entry = decodeValue(bytes)
    const time = isPlainObject(entry) && isPlainObject(entry.clock) ? entry.clock.time : null
    return typeof time === 'number' && Number.isSafeInteger(time) ? time : null
  } catch {
    return null
  }
}
