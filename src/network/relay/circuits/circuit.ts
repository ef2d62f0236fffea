import type { Stream } from '@libp2p/interface'

import { NetworkError } from '../../errors.ts'
import type { CircuitLeftovers } from '../circuit-table.ts'
import type { CircuitStatus, RelayClient, RelayLimits } from '../types.ts'
import { Direction } from './direction.ts'
import type { CircuitShare, Shaper } from './shaper.ts'
import { WindowShare } from './window-share.ts'

/** From this share of what it may hold on, a circuit passes on what the rates would have it hold. */
const CROWDED_SHARE = 7 / 8

export interface CircuitOptions {
  readonly source: RelayClient
  readonly destination: RelayClient
  readonly limits: RelayLimits['circuits']
  readonly openedAtMs: number
}

export interface CircuitComponents {
  readonly shaper: Shaper
  /** Bytes that a circuit should hold at most, as of now. */
  roomBytes(): number
  /** Bytes that the month still has, and those that were passed on. */
  readonly quota: { remaining(): number; add(bytes: number): void }
}

/**
 * A source's and a destination's stream, joined: bytes both ways, the end of one direction, a reset. It ends
 * once, for one reason, and then both streams are closed or reset.
 */
export class Circuit {
  readonly #options: CircuitOptions
  readonly #components: CircuitComponents
  readonly #streams: readonly [Stream, Stream]
  readonly #toDestination: Direction
  readonly #toSource: Direction
  readonly #share: CircuitShare
  readonly #windows: WindowShare
  readonly #ended = Promise.withResolvers<string>()
  #endReason: string | null = null
  #directionsDone = 0
  #peakHeldBytes = 0

  constructor(
    source: Stream,
    destination: Stream,
    options: CircuitOptions,
    components: CircuitComponents,
  ) {
    this.#options = options
    this.#components = components
    this.#streams = [source, destination]
    this.#share = components.shaper.join(options.source.host)
    this.#windows = new WindowShare(components.roomBytes)
    this.#toDestination = this.#direction(0, source, destination)
    this.#toSource = this.#direction(1, destination, source)
  }

  /** Resolves with the reason when it has ended. */
  get ended(): Promise<string> {
    return this.#ended.promise
  }

  /** Bytes of both directions that wait here. */
  get heldBytes(): number {
    return this.#toDestination.heldBytes + this.#toSource.heldBytes
  }

  /** The most that ever waited. */
  get peakHeldBytes(): number {
    return this.#peakHeldBytes
  }

  get status(): CircuitStatus {
    const { source, destination, openedAtMs } = this.#options
    return {
      source,
      destination,
      openedAtMs,
      bytesToDestination: this.#toDestination.passedBytes,
      bytesToSource: this.#toSource.passedBytes,
    }
  }

  start({ fromSource, fromDestination }: CircuitLeftovers): void {
    const [source, destination] = this.#streams
    source.addEventListener('close', this.#onSourceClose)
    destination.addEventListener('close', this.#onDestinationClose)
    // One that was reset while the other end was asked.
    if (this.#streams.some(({ status }) => status !== 'open')) {
      this.end('reset')
      return
    }
    this.#toDestination.start(fromSource)
    this.#toSource.start(fromDestination)
  }

  /** Resets what is not closed in order. Callable twice; the first reason counts. */
  end(reason: string): void {
    if (this.#endReason !== null) return
    this.#endReason = reason
    for (const direction of [this.#toDestination, this.#toSource]) {
      direction.end()
      this.#components.shaper.leave(direction)
    }
    for (const stream of this.#streams) {
      stream.removeEventListener('close', this.#onSourceClose)
      stream.removeEventListener('close', this.#onDestinationClose)
      stream.abort(new NetworkError('STREAM_RESET', 'the circuit ended', { reason }))
    }
    this.#ended.resolve(reason)
  }

  #direction(side: 0 | 1, input: Stream, output: Stream): Direction {
    const options = {
      limitBytes: this.#options.limits.bytesPerDirection,
      targetBytes: () =>
        this.#windows.windowOf(side, side === 0 ? this.#toSource : this.#toDestination),
    }
    const direction: Direction = new Direction(input, output, options, {
      arrived: (bytes) => this.#windows.arrived(side, bytes),
      take: (wanted) => this.#take(direction, wanted),
      passed: (bytes) => this.#components.quota.add(bytes),
      settled: () => this.#limitHeld(),
      done: () => this.#onDirectionDone(),
      failed: (reason) => this.end(reason),
    })
    return direction
  }

  #take(direction: Direction, wanted: number): number {
    const { quota, shaper } = this.#components
    const allowed = Math.min(wanted, quota.remaining())
    if (allowed <= 0) {
      this.end('quota')
      return 0
    }
    // A sender's first window cannot be taken back, so what the rates make wait may be too much to hold.
    if (this.heldBytes > this.#options.limits.heldBytes * CROWDED_SHARE) {
      shaper.force(direction, this.#share, allowed)
      return allowed
    }
    return shaper.take(direction, this.#share, allowed, direction.flush)
  }

  #limitHeld(): void {
    const { heldBytes } = this
    // Neither end takes what the other sent before it could be held back: no way is left to wait.
    if (heldBytes > this.#options.limits.heldBytes) this.end('held')
    else this.#peakHeldBytes = Math.max(this.#peakHeldBytes, heldBytes)
  }

  #onDirectionDone(): void {
    this.#directionsDone += 1
    if (this.#directionsDone === 2) this.end('closed')
  }

  readonly #onSourceClose = (event: CloseEvent): void => {
    if (!isInOrder(event, this.#toDestination, this.#toSource)) this.end('reset')
  }

  readonly #onDestinationClose = (event: CloseEvent): void => {
    if (!isInOrder(event, this.#toSource, this.#toDestination)) this.end('reset')
  }
}

interface CloseEvent {
  readonly error?: Error
}

/** A connection that ends closes its streams in order too: it is true only when both ends had closed this one. */
function isInOrder(event: CloseEvent, from: Direction, to: Direction): boolean {
  return event.error === undefined && from.isInputDone && to.isOutputClosing
}
