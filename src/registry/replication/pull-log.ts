import type { PeerStream } from '../../network/types.ts'
import { CarError, FrameCutter, isNamedRight, NAME_BYTES } from '../store/car.ts'
import { isSameBytes } from '../store/entry-codec.ts'
import { FramingError } from './framing.ts'
import { Intake, type IntakeComponents } from './intake.ts'
import {
  ANSWER_LIMITS,
  answerHeader,
  encodeTransferRequest,
  NAMES_LIMIT,
  NEXT_PAGE,
  PAGE_BYTES,
  WANTED_LIMIT,
} from './log-transfer.ts'

/** Entries without their parents that are taken out of turn: the sender lost a few blocks. */
const HELD_LIMIT = 64
const HEADER_LIMIT_BYTES = 128

export interface PullOptions {
  /** Asks for all of the log: of a lost stretch we know the latest entry only, not where it ends. */
  readonly isWhole?: boolean
  /** How many entries may come before their parents. */
  readonly first?: number
  /** The last entry that was taken of a transfer which this one goes on from. */
  readonly after?: string | null
}

/**
 * Asks for what our log lacks. Ends at the first entry that breaks a rule, for honest peers hold none,
 * or that cannot be taken yet.
 * @returns by how many entries the log grew meanwhile. @throws PutOffError, FramingError, stream errors.
 */
export async function pullLog(
  stream: PeerStream,
  components: IntakeComponents,
  signal: AbortSignal,
  { isWhole = false, first = 0, after = null }: PullOptions = {},
): Promise<number> {
  const { database } = components
  const { log } = database
  const request = encodeTransferRequest({
    log: database.address,
    have: isWhole ? [] : log.locator(NAMES_LIMIT),
    want: log.missing(WANTED_LIMIT),
    first,
    sketch: isWhole || log.size === 0 ? null : log.sketch(),
    after,
  })
  const sizeBefore = log.size
  await stream.send(request, signal)
  const intake = new Intake(components)
  const answer = new AnswerReader(answerHeader(database.address))
  let pages = 0
  try {
    for await (const chunk of stream.chunks()) {
      signal.throwIfAborted()
      await intake.put(answer.read(chunk))
      for (; pages < answer.pages; pages += 1) await stream.send(NEXT_PAGE, signal)
      if (intake.held > HELD_LIMIT) throw new Error('the peer sent a broken log')
    }
    answer.end()
    await intake.drain()
  } finally {
    await intake.stop()
  }
  await stream.close(signal)
  return log.size - sizeBefore
}

/** Takes the blocks out of an answer; each is what its name says. */
class AnswerReader {
  readonly #header: Uint8Array
  readonly #cutter = new FrameCutter(HEADER_LIMIT_BYTES)
  #hasBegun = false
  #blocks = 0

  /** @param header the one that the answer has to have, with its length. */
  constructor(header: Uint8Array) {
    this.#header = header
  }

  /** Whole pages read so far. */
  get pages(): number {
    const bytes = this.#hasBegun ? this.#cutter.offset - this.#header.length : 0
    return Math.floor(bytes / PAGE_BYTES)
  }

  /** @returns the blocks that end in this chunk, each in bytes of its own. @throws FramingError. */
  read(chunk: Uint8Array): Uint8Array[] {
    const blocks: Uint8Array[] = []
    try {
      for (const frame of this.#cutter.cut(chunk)) {
        if (this.#hasBegun) blocks.push(this.#readBlock(frame))
        else this.#begin(frame)
      }
    } catch (error) {
      throw toFramingError(error)
    }
    if (this.#cutter.offset > ANSWER_LIMITS.totalBytes) throw new FramingError('TOO_MUCH')
    return blocks
  }

  /** @throws FramingError when the answer is no whole one. */
  end(): void {
    try {
      this.#cutter.end()
    } catch (error) {
      throw toFramingError(error)
    }
    if (!this.#hasBegun) throw new FramingError('TRUNCATED')
  }

  #begin(frame: Uint8Array): void {
    const isRight = isSameBytes(frame, this.#header.subarray(this.#header.length - frame.length))
    if (!isRight || frame.length + 1 !== this.#header.length) throw new FramingError('MALFORMED')
    this.#hasBegun = true
    this.#cutter.limitBytes = NAME_BYTES + ANSWER_LIMITS.itemBytes
  }

  #readBlock(section: Uint8Array): Uint8Array {
    this.#blocks += 1
    if (this.#blocks > ANSWER_LIMITS.items) throw new FramingError('TOO_MUCH')
    if (!isNamedRight(section)) throw new FramingError('MALFORMED')
    // A copy, which a Buffer's own `slice` is not: the section may be a view of a far larger buffer.
    return Uint8Array.prototype.slice.call(section, NAME_BYTES)
  }
}

function toFramingError(error: unknown): unknown {
  if (!(error instanceof CarError)) return error
  if (error.code === 'CUT_OFF') return new FramingError('TRUNCATED')
  return new FramingError(error.code === 'TOO_LARGE' ? 'ITEM_TOO_LARGE' : 'MALFORMED')
}
