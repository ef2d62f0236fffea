import type { Connection, Stream } from '@libp2p/interface'

import { FrameReader } from '../wire/frames.ts'
import { decodeNews, encodeOwnRecord, LIMIT_TOLD_BYTES, type PagesNews } from '../wire/pages.ts'

export interface PageWatchOptions {
  readonly protocol: string
  /** This client's own record for the node, null while it has no place there; asked for at each `tell`. */
  readonly ownRecord: () => Promise<Uint8Array | null>
  /** What comes next waits for it: news are in order. */
  readonly onNews: (news: PagesNews) => Promise<void>
}

/** Opening a stream takes so long at most, ms. */
const OPEN_MS = 10_000

/** One stream to one node, over which both tell who can be reached there. */
export class PageWatch {
  readonly #options: PageWatchOptions
  readonly #stream: Stream
  #telling: Promise<void> = Promise.resolve()
  #isTellingAgain = false

  private constructor(options: PageWatchOptions, stream: Stream) {
    this.#options = options
    this.#stream = stream
  }

  /** @throws what libp2p throws, UnsupportedProtocolError where the node is no relay */
  static async open(
    connection: Connection,
    options: PageWatchOptions,
    signal: AbortSignal,
  ): Promise<PageWatch> {
    const stream = await connection.newStream(options.protocol, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)]),
    })
    return new PageWatch(options, stream)
  }

  /** Tells the node where this client can be reached now, in turn. */
  tell(): void {
    if (this.#isTellingAgain) return
    this.#isTellingAgain = true
    this.#telling = this.#telling.then(async () => {
      this.#isTellingAgain = false
      const record = await this.#options.ownRecord()
      if (record !== null && this.#stream.status === 'open') {
        this.#stream.send(encodeOwnRecord(record))
      }
    })
    this.#telling = this.#telling.catch((error: unknown) => this.#abort(error))
  }

  /** Reads until the node, or the signal, ends it. Never throws. */
  async read(signal: AbortSignal): Promise<void> {
    const frames = new FrameReader(LIMIT_TOLD_BYTES)
    const onAbort = () => this.#abort(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      for await (const chunk of this.#stream) {
        const bytes = chunk instanceof Uint8Array ? chunk : chunk.subarray()
        for (const content of frames.push(bytes)) await this.#options.onNews(decodeNews(content))
      }
      // The node has closed its side in order.
      await this.#stream.close({ signal: AbortSignal.timeout(1_000) })
    } catch (error) {
      this.#abort(error)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #abort(reason: unknown): void {
    this.#stream.abort(reason instanceof Error ? reason : new Error(String(reason)))
  }
}
