import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

import { HeldBytes } from './held-bytes.ts'
import { controlIntake, type Intake } from './intake.ts'

/**
 * Bytes handed to a destination at once: one circuit does not hold up the others of its connection. Twice what
 * fits a noise message with the muxer's header, so that the 64 KiB that most senders send are not cut in two.
 */
const SLICE_BYTES = 131_014

/** What one direction asks of its circuit. */
export interface DirectionPort {
  /** Bytes that may be passed on now, at most `wanted`; below it `flush` is called when there may be more. */
  take(wanted: number): number
  arrived(bytes: number): void
  passed(bytes: number): void
  /** Called after each flush, when what is held is known. */
  settled(): void
  /** All bytes were passed on and the end too. */
  done(): void
  /** It cannot go on. */
  failed(reason: 'bytes' | 'reset'): void
}

export interface DirectionOptions {
  /** Bytes it passes on at most. */
  readonly limitBytes: number
  /** Bytes held, and those the sender may still send, once its first window is used up: as of now. */
  targetBytes(): number
}

/**
 * One direction of a circuit. What arrives is passed on within the same turn of the event loop; what the
 * destination does not take, or may not have yet, is held and counted, and the sender is given no more
 * window than what is left of the target.
 */
export class Direction {
  readonly #input: Stream
  readonly #output: Stream
  readonly #options: DirectionOptions
  readonly #port: DirectionPort
  readonly #held = new HeldBytes()
  #arrived = new Uint8ArrayList()
  /** Bytes of the last slice that may still be in the output's or its connection's buffer. */
  #unsettledBytes = 0
  #passedBytes = 0
  #intake: Intake | null = null
  #isInputDone = false
  #isOutputClosing = false
  #isScheduled = false
  #isEnded = false

  constructor(input: Stream, output: Stream, options: DirectionOptions, port: DirectionPort) {
    this.#input = input
    this.#output = output
    this.#options = options
    this.#port = port
  }

  get passedBytes(): number {
    return this.#passedBytes
  }

  /** All bytes of this direction that this process holds, those of the sender's stream included. */
  get heldBytes(): number {
    return this.#waitingBytes + this.#unsettledBytes + this.#input.readBufferLength
  }

  /** Bytes that the sender may still send without asking. */
  get creditBytes(): number {
    return this.#intake?.creditBytes ?? 0
  }

  /** The sender said that it sends no more. */
  get isInputDone(): boolean {
    return this.#isInputDone
  }

  /** All that was sent has been handed over, and the end of it too. */
  get isOutputClosing(): boolean {
    return this.#isOutputClosing
  }

  /** @param first bytes that came before the stream's own */
  start(first: Uint8Array | undefined): void {
    if (first !== undefined) this.#arrived.append(first)
    this.#isInputDone = this.#input.remoteWriteStatus === 'closed'
    this.#intake = controlIntake(this.#input, {
      targetBytes: this.#options.targetBytes,
      held: () => this.heldBytes,
    })
    this.#input.addEventListener('message', this.#onMessage)
    this.#input.addEventListener('remoteCloseWrite', this.#onInputDone)
    this.#output.addEventListener('drain', this.flush)
    if (this.#input.readStatus === 'paused') this.#input.resume()
    this.flush()
  }

  /** Lets go of everything. */
  end(): void {
    this.#isEnded = true
    this.#input.removeEventListener('message', this.#onMessage)
    this.#input.removeEventListener('remoteCloseWrite', this.#onInputDone)
    this.#output.removeEventListener('drain', this.flush)
    this.#arrived = new Uint8ArrayList()
    this.#held.clear()
    this.#unsettledBytes = 0
  }

  /**
   * Passes on what can be, soon: after the frames that arrived together, after what the output does itself
   * when it drains, and never within a stream's own bookkeeping.
   */
  readonly flush = (): void => {
    if (this.#isScheduled || this.#isEnded) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (this.#isEnded) return
      try {
        this.#flush()
      } catch {
        // The connection of one of the streams is gone; nobody is above a microtask to be told.
        this.#port.failed('reset')
      }
    })
  }

  readonly #onMessage = (event: { readonly data: Uint8Array | Uint8ArrayList }): void => {
    this.#arrived.append(event.data)
    this.#port.arrived(event.data.byteLength)
    this.flush()
  }

  readonly #onInputDone = (): void => {
    this.#isInputDone = true
    this.flush()
  }

  get #waitingBytes(): number {
    return this.#held.size + this.#arrived.byteLength
  }

  #flush(): void {
    this.#passOn()
    if (this.#isEnded) return
    this.#held.append(this.#arrived)
    this.#arrived = new Uint8ArrayList()
    this.#port.settled()
    if (this.#isEnded) return
    this.#intake?.update()
    const isRead = this.#isInputDone && this.#input.readBufferLength === 0
    if (isRead && this.#waitingBytes === 0) this.#closeOutput()
  }

  #passOn(): void {
    while (this.#isOutputReady() && this.#waitingBytes > 0) {
      const allowed = this.#options.limitBytes - this.#passedBytes
      // Only now, when the output has taken all that was within the limit.
      if (allowed <= 0) {
        this.#port.failed('bytes')
        return
      }
      const bytes = this.#port.take(Math.min(SLICE_BYTES, allowed, this.#waitingBytes))
      if (this.#isEnded || bytes <= 0) return
      this.#send(this.#nextBytes(bytes))
      if (this.#isEnded) return
    }
  }

  /** False while it holds any of what it was given: a drained connection does not mean a window. */
  #isOutputReady(): boolean {
    const { writeStatus, writableNeedsDrain, writeBufferLength } = this.#output
    const isReady = !writableNeedsDrain && writeBufferLength === 0
    if (isReady) this.#unsettledBytes = 0
    return isReady && writeStatus === 'writable'
  }

  #nextBytes(count: number): Uint8ArrayList {
    const bytes = this.#held.take(count)
    const rest = count - bytes.byteLength
    if (rest === 0) return bytes
    // What never had to wait is not copied.
    bytes.append(this.#arrived.sublist(0, rest))
    this.#arrived.consume(rest)
    return bytes
  }

  #send(bytes: Uint8ArrayList): void {
    const count = bytes.byteLength
    this.#output.send(bytes)
    this.#passedBytes += count
    this.#unsettledBytes = this.#isOutputReady() ? 0 : count
    this.#port.passed(count)
  }

  #closeOutput(): void {
    if (this.#isOutputClosing) return
    this.#isOutputClosing = true
    this.#output.close().then(
      () => this.#port.done(),
      // Cut off while closing: the circuit hears of it from the stream itself.
      () => this.#port.failed('reset'),
    )
  }
}
