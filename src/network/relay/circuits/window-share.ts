/** What a direction has in the hop and on its way to it. */
export interface DirectionLoad {
  readonly heldBytes: number
  /** Bytes that its sender may still send without asking. */
  readonly creditBytes: number
}

/** After so many bytes, both directions together, it is looked anew which of them are busy. */
const SPAN_BYTES = 262_144
/** Whoever was busy in one of these still is: its credit is out, even if others were quicker to send. */
const SPANS_BEFORE = 2
/** A direction with this share of a span is busy. */
const BUSY_SHARE = 1 / 8
/** The share of a busy direction beside a quiet one, whose is the rest. */
const ALONE_SHARE = 7 / 8

/**
 * How one circuit's room is shared by its two directions. Bytes mostly flow one way at a time, and a window of
 * twice the size passes up to twice as much; where they flow both ways each gets half. What was granted cannot
 * be taken back, so a direction that becomes busy gets its half as the other one uses up its own.
 */
export class WindowShare {
  readonly #roomBytes: () => number
  /** Bytes of each direction in this span, and in those before, newest first. */
  #spans: [number, number][] = [[0, 0]]

  /** @param roomBytes what the circuit may hold, as of now */
  constructor(roomBytes: () => number) {
    this.#roomBytes = roomBytes
  }

  arrived(direction: 0 | 1, bytes: number): void {
    const [span] = this.#spans
    if (span === undefined) return
    span[direction] += bytes
    if (span[0] + span[1] < SPAN_BYTES) return
    this.#spans = [[0, 0], ...this.#spans.slice(0, SPANS_BEFORE)]
  }

  /** Bytes that a direction may hold and have on its way. */
  windowOf(direction: 0 | 1, other: DirectionLoad): number {
    const room = this.#roomBytes()
    const isOtherBusy = this.#isBusy(direction === 0 ? 1 : 0)
    // A quiet direction leaves its credit unused; should it not, it is busy soon.
    const taken = other.heldBytes + (isOtherBusy ? other.creditBytes : 0)
    const share = this.#shareOf(this.#isBusy(direction), isOtherBusy)
    return Math.floor(Math.min(room * share, Math.max(room * (1 - ALONE_SHARE), room - taken)))
  }

  #shareOf(isBusy: boolean, isOtherBusy: boolean): number {
    if (isBusy === isOtherBusy) return 1 / 2
    return isBusy ? ALONE_SHARE : 1 - ALONE_SHARE
  }

  #isBusy(direction: 0 | 1): boolean {
    return this.#spans.some((span) => span[direction] >= SPAN_BYTES * BUSY_SHARE)
  }
}
